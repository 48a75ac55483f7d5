package pipedrive

// organizations is /api/v2/organizations. Source: developers.pipedrive.com/docs/api/v1/Organizations
func organizations() *resource {
	return &resource{
		object: "organization", path: "organizations", noun: "Organization", listCost: 10, created: 200,
		filters: []string{"owner_id"}, sorts: timeSorts,
		ranged: true, selectable: true, custom: true, labelled: true,
		required: []string{"name"}, createOnly: []string{"add_time"},
		body: map[string]kind{
			"name": isText, "owner_id": isID, "add_time": isTime, "visible_to": isVisibility, "label_ids": isIDs,
			"address": orNull(isAddress), "website": orNull(isString), "linkedin": orNull(isString),
			"industry": orNull(isID), "annual_revenue": orNull(isID), "employee_count": orNull(isID),
		},
		complete: func(_ *Server, rec, _, body map[string]any) problems {
			if address, ok := body["address"].(map[string]any); ok {
				rec["address"] = fullAddress(address, false)
			}
			return nil
		},
	}
}

var addressKeys = []string{
	"country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality",
	"route", "street_number", "subpremise", "postal_code",
}

// fullAddress is an address as it is stored: subfields left out of a write become null.
func fullAddress(given map[string]any, custom bool) map[string]any {
	out := map[string]any{"value": given["value"]}
	for _, key := range addressKeys {
		out[key] = given[key]
	}
	if custom {
		out["formatted_address"] = given["value"]
	}
	return out
}
