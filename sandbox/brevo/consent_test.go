package brevo

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// optedOut runs an account with one contact on the blocklist.
func optedOut(t *testing.T) *account {
	c := start(t, Config{})
	c.PutContact(Contact{Email: "ann@example.com", ExtID: "7", EmailBlacklisted: true, ListIDs: []int64{60}})
	return c
}

func (a *account) isBlocked(email string) bool {
	a.t.Helper()
	c, found := a.Contact(email)
	require.True(a.t, found)
	return c.EmailBlacklisted
}

func TestConsent_AbsentFlagLeavesTheBlocklistAlone(t *testing.T) {
	c := optedOut(t)
	require.Equal(t, http.StatusNoContent, c.post("/contacts", `{"email":"ann@example.com","updateEnabled":true}`).status)
	require.Equal(t, http.StatusNoContent, c.put("/contacts/7?identifierType=ext_id", `{"attributes":{"FIRSTNAME":"Ann"}}`).status)
	assert.True(t, c.isBlocked("ann@example.com"))
	assert.Zero(t, c.Stats().Resubscribed)
	assert.Equal(t, 1, c.Lists()[0].Blacklisted)
}

func TestConsent_FalseResubscribesAndIsCounted(t *testing.T) {
	c := optedOut(t)
	require.Equal(t, http.StatusNoContent, c.post("/contacts", `{"email":"ann@example.com","emailBlacklisted":false,"updateEnabled":true}`).status)
	assert.False(t, c.isBlocked("ann@example.com"))
	assert.Equal(t, 1, c.Stats().Resubscribed)
	assert.Zero(t, c.Lists()[0].Blacklisted)
	require.Equal(t, http.StatusNoContent, c.put("/contacts/1", `{"emailBlacklisted":false}`).status)
	assert.Equal(t, 1, c.Stats().Resubscribed, "it was not blocked any more")
}

func TestConsent_AddressChangeOfABlockedContactResubscribes(t *testing.T) {
	c := optedOut(t)
	require.Equal(t, http.StatusNoContent, c.put("/contacts/1", `{"attributes":{"EMAIL":"ann@example.com"}}`).status)
	assert.True(t, c.isBlocked("ann@example.com"), "the same address is no change")
	require.Equal(t, http.StatusNoContent, c.put("/contacts/1", `{"attributes":{"EMAIL":"Ann.Lee@example.com"}}`).status)
	assert.False(t, c.isBlocked("ann.lee@example.com"))
	assert.Equal(t, 1, c.Stats().Resubscribed)
	_, found := c.Contact("ann@example.com")
	assert.False(t, found)
}

func TestConsent_AddressChangeWithTheFlagStaysBlocked(t *testing.T) {
	c := optedOut(t)
	require.Equal(t, http.StatusNoContent, c.put("/contacts/1", `{"emailBlacklisted":true,"attributes":{"EMAIL":"lee@example.com"}}`).status)
	assert.True(t, c.isBlocked("lee@example.com"))
	assert.Zero(t, c.Stats().Resubscribed)
}

func TestConsent_DeletedAndCreatedAgainIsCounted(t *testing.T) {
	c := optedOut(t)
	require.Equal(t, http.StatusNoContent, c.delete("/contacts/1").status)
	require.Equal(t, http.StatusCreated, c.post("/contacts", `{"email":"ann@example.com"}`).status)
	assert.False(t, c.isBlocked("ann@example.com"))
	assert.Equal(t, 1, c.Stats().Resubscribed)

	c = optedOut(t)
	require.Equal(t, http.StatusNoContent, c.delete("/contacts/1").status)
	require.Equal(t, http.StatusCreated, c.post("/contacts", `{"email":"ann@example.com","emailBlacklisted":true}`).status)
	assert.Zero(t, c.Stats().Resubscribed)
}

func TestConsent_ImportNeverTakesAnybodyOffTheBlocklist(t *testing.T) {
	c := optedOut(t)
	c.finish(`{"jsonBody":[{"email":"ann@example.com","attributes":{"FIRSTNAME":"Ann"}}],"listIds":[61],"emailBlacklist":false}`)
	assert.True(t, c.isBlocked("ann@example.com"))
	c.finish(`{"jsonBody":[{"email":"bob@example.com"}],"listIds":[61],"emailBlacklist":true}`)
	assert.True(t, c.isBlocked("bob@example.com"))
	assert.Zero(t, c.Stats().Resubscribed)
}
