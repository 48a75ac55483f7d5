package brevo

import (
	"encoding/json"
	"strconv"
	"time"
)

// timeLayout is that of the SDK's types and of recorded answers.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

func (s *Server) appendTime(buf []byte, millis int64) []byte {
	t := time.UnixMilli(millis).UTC()
	if s.quirks.Location != nil {
		t = t.In(s.quirks.Location)
	}
	return t.AppendFormat(buf, timeLayout)
}

func (s *Server) showTime(millis int64) string { return string(s.appendTime(nil, millis)) }

// appendContact appends a contact as GET /contacts shows it. It writes by hand because pages of
// 1,000 contacts are what a full read spends its time on.
func (s *Server) appendContact(buf []byte, c *contact, withStatistics bool) []byte {
	buf = append(buf, `{"id":`...)
	buf = strconv.AppendInt(buf, c.id, 10)
	email := c.email
	if sms := c.values.get(attrSMS); email == "" && sms != "" && s.quirks.SyntheticSMSEmail {
		email = sms + "@mailin-sms.com"
	}
	if email != "" {
		buf = append(buf, `,"email":`...)
		buf = appendString(buf, email)
	}
	buf = append(buf, `,"emailBlacklisted":`...)
	buf = strconv.AppendBool(buf, c.emailBlacklisted)
	buf = append(buf, `,"smsBlacklisted":`...)
	buf = strconv.AppendBool(buf, c.smsBlacklisted)
	buf = append(buf, `,"whatsappBlacklisted":false,"createdAt":"`...)
	buf = s.appendTime(buf, c.created)
	buf = append(buf, `","modifiedAt":"`...)
	buf = s.appendTime(buf, c.modified)
	buf = append(buf, `","listIds":[`...)
	for i, id := range c.lists {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = strconv.AppendInt(buf, id, 10)
	}
	buf = append(buf, ']')
	if s.quirks.NullListUnsubscribed {
		buf = append(buf, `,"listUnsubscribed":null`...)
	}
	buf = append(buf, `,"attributes":{`...)
	empty := len(buf)
	if c.extID != "" {
		buf = append(buf, `"EXT_ID":`...)
		buf = appendString(buf, c.extID)
	}
	for number, text := range c.values.all() {
		a := s.attributes.byNumber[number]
		if a == nil {
			continue
		}
		if len(buf) > empty {
			buf = append(buf, ',')
		}
		buf = appendString(buf, a.Name)
		buf = append(buf, ':')
		buf = a.appendJSON(buf, text)
	}
	buf = append(buf, '}')
	if withStatistics {
		buf = append(buf, `,"statistics":{}`...)
	}
	return append(buf, '}')
}

func appendString(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			encoded, _ := json.Marshal(s)
			return append(buf, encoded...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}
