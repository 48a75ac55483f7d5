package api

import (
	"context"
	"encoding/json"
	"net/http"

	"connector/plugins/internal/rest"
)

// CompanyAttribute is an attribute that companies have in the account.
type CompanyAttribute struct {
	Name     string          `json:"internalName"`
	Label    string          `json:"label"`
	Type     string          `json:"attributeTypeName"` // text, user, number, single-select, date, boolean, multi-choice
	Options  []CompanyOption `json:"attributeOptions"`
	ReadOnly bool            `json:"isValueReadonly"`
}

// CompanyOption is one of the values of a single-select or multi-choice attribute. Key is what is sent.
type CompanyOption struct {
	Key   string `json:"key"`
	Label string `json:"value"`
}

// CompanyAttributes are the attributes of companies.
//
// GET /crm/attributes/companies, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/get-company-attributes
func (c *Client) CompanyAttributes(ctx context.Context) (attributes []CompanyAttribute, err error) {
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "GET /crm/attributes/companies", Doing: "reading Brevo's company attributes", Method: http.MethodGet,
		Path: "/crm/attributes/companies", Bucket: bucketOther,
		Decode: func(b []byte) error { return json.Unmarshal(b, &attributes) },
	})
	return attributes, err
}

// CreateCompanyAttribute creates an attribute of companies. Brevo makes its internal name of the label, so
// whoever needs that reads the attributes again.
//
// POST /crm/attributes, one of the 100 calls an hour.
// Source: developers.brevo.com/reference/create-a-company-deal-attribute
func (c *Client) CreateCompanyAttribute(ctx context.Context, label, kind, description string) error {
	body, err := json.Marshal(map[string]any{
		"label": label, "attributeType": kind, "objectType": "companies", "description": description,
	})
	if err != nil {
		return err
	}
	_, err = c.rest.Do(ctx, &rest.Request{
		Op: "POST /crm/attributes", Doing: "creating a company attribute", Method: http.MethodPost, Path: "/crm/attributes",
		Body: [][]byte{body}, Bucket: bucketOther, Once: true, BodyOptional: true,
	})
	return err
}
