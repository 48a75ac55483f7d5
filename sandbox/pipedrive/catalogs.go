package pipedrive

import (
	"net/http"
	"strings"
)

var activityTypeKeys = []string{"call", "meeting", "task", "deadline", "email", "lunch"}

// addCatalogs fills the short lists that every account has.
func (s *Server) addCatalogs() {
	const since = "2024-01-01 00:00:00"
	for i, key := range activityTypeKeys {
		s.store(s.tables["activityType"], map[string]any{
			"id": i + 1, "order_nr": i + 1, "name": strings.ToUpper(key[:1]) + key[1:], "key_string": key,
			"icon_key": key, "add_time": since, "update_time": since,
		})
	}
	for i, label := range [][2]string{{"Hot", "red"}, {"Warm", "yellow"}, {"Cold", "blue"}} {
		s.store(s.tables["leadLabel"], map[string]any{
			"id": "0b7e5a1" + string(rune('0'+i)) + "-4e75-41ea-9643-03698ef1cfd6", "name": label[0], "color": label[1],
			"add_time": "2024-01-01T00:00:00.000Z", "update_time": "2024-01-01T00:00:00.000Z",
		})
	}
}

// catalogRoutes are the unpaged lists of v1. Source: developers.pipedrive.com/docs/api/v1/Currencies,
// ActivityTypes, LeadLabels and LeadSources.
func (s *Server) catalogRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/currencies", cost: 20, handle: listCurrencies},
		{method: "GET", pattern: "/v1/activityTypes", cost: 20, handle: s.listAll("activityType")},
		{method: "GET", pattern: "/v1/leadLabels", cost: 10, handle: s.listAll("leadLabel")},
		{method: "GET", pattern: "/v1/leadSources", cost: 2, handle: listLeadSources},
	}
}

func (s *Server) listAll(object string) func(*request) reply {
	return func(*request) reply {
		s.mu.Lock()
		defer s.mu.Unlock()
		t := s.tables[object]
		data := []any{}
		for _, rec := range t.rows {
			data = append(data, t.unpack(rec))
		}
		return dataReply(http.StatusOK, data)
	}
}

func listCurrencies(r *request) reply {
	term := strings.ToLower(r.URL.Query().Get("term"))
	data := []any{}
	for i, c := range [][3]string{
		{"EUR", "Euro", "€"}, {"USD", "US Dollar", "$"}, {"GBP", "British Pound", "£"},
		{"CHF", "Swiss Franc", "CHF"}, {"SEK", "Swedish Krona", "kr"}, {"JPY", "Japanese Yen", "¥"},
	} {
		if !strings.Contains(strings.ToLower(c[0]+" "+c[1]), term) {
			continue
		}
		decimals := 2
		if c[0] == "JPY" {
			decimals = 0
		}
		data = append(data, map[string]any{
			"id": i + 1, "code": c[0], "name": c[1], "symbol": c[2], "decimal_points": decimals,
			"active_flag": true, "is_custom_flag": false,
		})
	}
	return dataReply(http.StatusOK, data)
}

func listLeadSources(*request) reply {
	data := []any{}
	for _, name := range []string{
		"Manually created", "Deal", "Web forms", "Prospector", "Live chat", "Import", "Workflow automation", "API",
	} {
		data = append(data, map[string]any{"name": name})
	}
	return dataReply(http.StatusOK, data)
}
