package pipedrive

import "net/http"

// summaryRoutes is GET /v1/deals/summary. Source: developers.pipedrive.com/docs/api/v1/Deals#getDealsSummary
func (s *Server) summaryRoutes() []route {
	return []route{{method: "GET", pattern: "/v1/deals/summary", cost: 40, handle: s.summarize}}
}

// sum is what the deals of one currency come to.
type sum struct {
	count           int
	value, weighted float64
}

// summarize adds up all deals that are not archived, by currency. user_id is not considered when
// there is a filter_id.
func (s *Server) summarize(r *request) reply {
	q := newQuery(r.URL)
	links := map[string]func(*record) int32{
		"pipeline_id": func(d *record) int32 { return d.pipeline }, "stage_id": func(d *record) int32 { return d.stage },
	}
	if !q.has("filter_id") {
		links["user_id"] = ownerOf
	}
	wanted := append(equalTo(r, links), present, func(d *record) bool { return !d.archived })
	switch status := q.text("status"); status {
	case "":
	case "open", "won", "lost":
		wanted = append(wanted, func(d *record) bool { return d.status == statusOf(status) })
	default:
		return generalError(http.StatusBadRequest, "status must be one of open, won, lost")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["deal"]
	if s.unknownFilter(q) {
		return generalError(http.StatusNotFound, "Filter not found")
	}
	if q.has("filter_id") {
		wanted = append(wanted, s.filterCondition(q, t))
	}
	sums := map[string]*sum{}
	for _, d := range t.rows {
		if !all(wanted, d) {
			continue
		}
		currency := t.text(d, "currency")
		if sums[currency] == nil {
			sums[currency] = &sum{}
		}
		value, _ := decodeJSON(t.raw(d, "value")).(float64)
		sums[currency].count++
		sums[currency].value += value
		sums[currency].weighted += value * s.chance(d)
	}
	return dataReply(http.StatusOK, s.money.summary(sums))
}

// chance is how likely a deal is to be won: its own probability, else that of its stage.
func (s *Server) chance(d *record) float64 {
	if d.status == statusWon {
		return 1
	}
	if d.status == statusLost {
		return 0
	}
	percent, own := decodeJSON(s.tables["deal"].raw(d, "probability")).(float64)
	if stages := s.tables["stage"]; !own {
		percent = 100
		if stage := stages.find(int64(d.stage)); stage != nil {
			percent, _ = decodeJSON(stages.raw(stage, "deal_probability")).(float64)
		}
	}
	return percent / 100
}

func (m money) summary(sums map[string]*sum) map[string]any {
	values, weighted := map[string]any{}, map[string]any{}
	count, total, totalWeighted := 0, 0.0, 0.0
	for currency, of := range sums {
		converted := m.converted(of.value, currency)
		value := map[string]any{"count": of.count, "value": cents(of.value), "value_formatted": formatted(of.value, currency)}
		if m.shown != ConversionsAbsent {
			value["value_converted"], value["value_converted_formatted"] = converted, formatted(converted, m.currency)
		}
		values[currency] = value
		weighted[currency] = map[string]any{
			"count": of.count, "value": cents(of.weighted), "value_formatted": formatted(of.weighted, currency),
		}
		count += of.count
		total += converted
		totalWeighted += m.converted(of.weighted, currency)
	}
	out := map[string]any{"values_total": values, "weighted_values_total": weighted, "total_count": count}
	if m.shown != ConversionsAbsent {
		out["total_currency_converted_value"], out["total_currency_converted_value_formatted"] = cents(total), formatted(total, m.currency)
		out["total_weighted_currency_converted_value"] = cents(totalWeighted)
		out["total_weighted_currency_converted_value_formatted"] = formatted(totalWeighted, m.currency)
	}
	return out
}
