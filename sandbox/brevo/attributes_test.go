package brevo

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAttributes_UnknownNamesAndWrongTypesVanishWithSuccess(t *testing.T) {
	c := start(t, Config{})
	a := c.post("/contacts", `{"email":"ann@example.com","attributes":{
		"FIRSTNAME":"Ann","lastname":"Lee","UNKNOWN":1,"LTV":"12","COMPANY":7,"BORN":"yesterday","VIP":"true"}}`)
	require.Equal(t, http.StatusCreated, a.status, a.text)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"FIRSTNAME": "Ann"}, ann.Attributes)
	assert.Equal(t, map[string]int{"lastname": 1, "UNKNOWN": 1, "LTV": 1, "COMPANY": 1, "BORN": 1, "VIP": 1}, c.Stats().Dropped)
}

func TestAttributes_SwitchesTakeLooseTypesAnyCaseAndNull(t *testing.T) {
	c := start(t, Config{Quirks: Quirks{LooseTypes: true, AnyCaseAttributes: true, NullClears: true}})
	c.PutContact(Contact{Email: "ann@example.com", Attributes: map[string]any{"FIRSTNAME": "Ann"}})
	a := c.put("/contacts/1", `{"attributes":{"FirstName":null,"ltv":"12","company":7,"vip":"true"}}`)
	require.Equal(t, http.StatusNoContent, a.status)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"LTV": 12.0, "COMPANY": "7", "VIP": true}, ann.Attributes)
}

func TestAttributes_EmptyTextClearsNullAndAbsenceDoNot(t *testing.T) {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", Attributes: map[string]any{
		"FIRSTNAME": "Ann", "LASTNAME": "Lee", "LTV": 5.0, "BORN": "1990-01-02", "SMS": "33612345678",
	}})
	require.Equal(t, http.StatusNoContent, c.put("/contacts/1", `{"attributes":{"FIRSTNAME":"","LTV":"","SMS":"","LASTNAME":null}}`).status)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"LASTNAME": "Lee", "BORN": "1990-01-02"}, ann.Attributes)
	assert.Equal(t, http.StatusNotFound, c.get("/contacts/33612345678?identifierType=phone_id").status)
}

func TestAttributes_AreCreatedListedChangedAndDeleted(t *testing.T) {
	c := start(t, Config{})
	require.Equal(t, http.StatusCreated, c.post("/contacts/attributes/normal/color", `{"type":"multiple-choice","multiCategoryOptions":["red","blue"]}`).status)
	require.Equal(t, http.StatusCreated, c.post("/contacts/attributes/category/SIZE", `{"enumeration":[{"value":1,"label":"small"},{"value":2,"label":"large"}]}`).status)
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/attributes/normal/COLOR", `{"type":"text"}`).status, "taken")
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/attributes/normal/NEW", `{"type":"id"}`).status)
	assert.Equal(t, http.StatusBadRequest, c.post("/contacts/attributes/strange/NEW", `{"type":"text"}`).status)
	require.Equal(t, http.StatusNoContent, c.put("/contacts/attributes/normal/COLOR", `{"multiCategoryOptions":["green"]}`).status)
	require.Equal(t, http.StatusNoContent, c.delete("/contacts/attributes/multiple-choice/COLOR/red").status)

	listed := c.get("/contacts/attributes").json["attributes"].([]any)
	assert.Contains(t, listed, map[string]any{"name": "EXT_ID", "category": "normal", "type": "text"})
	assert.Contains(t, listed, map[string]any{"name": "LTV", "category": "normal", "type": "float"})
	assert.Contains(t, listed, map[string]any{"name": "COLOR", "category": "normal", "type": "multiple-choice", "multiCategoryOptions": []any{"blue", "green"}})
	assert.Contains(t, listed, map[string]any{"name": "SIZE", "category": "category", "enumeration": []any{
		map[string]any{"value": 1.0, "label": "small", "valueStr": "1"}, map[string]any{"value": 2.0, "label": "large", "valueStr": "2"},
	}})

	require.Equal(t, http.StatusCreated, c.post("/contacts", `{"email":"ann@example.com","attributes":{"COLOR":["blue","red"],"SIZE":"large","LTV":1}}`).status)
	ann, _ := c.Contact("ann@example.com")
	assert.Equal(t, map[string]any{"COLOR": []string{"blue"}, "SIZE": "2", "LTV": 1.0}, ann.Attributes)

	require.Equal(t, http.StatusNoContent, c.delete("/contacts/attributes/normal/LTV").status)
	assert.Equal(t, http.StatusNotFound, c.delete("/contacts/attributes/normal/LTV").status)
	c.PutAttribute(Attribute{Name: "LTV", Type: "float"})
	ann, _ = c.Contact("ann@example.com")
	assert.NotContains(t, ann.Attributes, "LTV", "values go with their attribute")
}

func TestIdentifiers_AddressesAreCheckedStrictly(t *testing.T) {
	for address, valid := range map[string]bool{
		"ann@example.com": true, "a.b+c_d@sub.example.co": true, "o'neil@example.com": true, "a@b-c.de": true,
		"": false, "ann": false, "@example.com": false, "ann@": false, "ann@localhost": false, "a b@example.com": false,
		".ann@example.com": false, "ann.@example.com": false, "a..b@example.com": false, "ann@-example.com": false,
		"ann@example-.com": false, "ann@example..com": false, "ann@.com": false, "änn@example.com": false,
		"ann@exämple.com": false, "ann@example.c": false, "ann@1.2.3.44": false, "a@b@example.com": false,
		"ann@example.com.": false, "Ann <ann@example.com>": false,
	} {
		assert.Equal(t, valid, validEmail(address), address)
	}
}

func TestIdentifiers_PhonesNeedACountryCodeAndSixToFifteenDigits(t *testing.T) {
	for number, want := range map[string]string{
		"33612345678": "33612345678", "+33612345678": "33612345678", "0033612345678": "33612345678", "123456": "123456",
		"0612345678": "", "+0612345678": "", "12345": "", "1234567890123456": "", "+33 6 12 34 56 78": "", "abc": "", "": "", "+": "",
	} {
		digits, valid := phoneDigits(number)
		assert.Equal(t, want != "", valid, number)
		if valid {
			assert.Equal(t, want, digits)
		}
	}
}
