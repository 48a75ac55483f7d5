package pipedrive

// products is /api/v2/products. Source: developers.pipedrive.com/docs/api/v1/Products
func products() *resource {
	return &resource{
		object: "product", path: "products", noun: "Product", listCost: 10, created: 201,
		filters: []string{"owner_id"}, sorts: []string{"id", "name", "add_time", "update_time"},
		ranged: true, selectable: true, custom: true,
		required: []string{"name"},
		body: map[string]kind{
			"name": isText, "code": orNull(isString), "description": orNull(isString), "unit": orNull(isString),
			"tax": isNumber, "category": orNull(isNumber), "owner_id": isID, "is_linkable": isBool,
			"visible_to": isVisibility, "prices": isObjects,
			"billing_frequency":        oneOf("one-time", "annually", "semi-annually", "quarterly", "monthly", "weekly"),
			"billing_frequency_cycles": orNull(isID),
		},
		complete: func(_ *Server, rec, _, body map[string]any) problems {
			prices, _ := body["prices"].([]any)
			for _, entry := range prices {
				price := entry.(map[string]any)
				price["product_id"] = rec["id"]
			}
			return nil
		},
	}
}
