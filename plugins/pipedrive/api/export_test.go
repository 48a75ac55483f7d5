package api

import "time"

// DecodeJSON is for the test that holds it against encoding/json.
var DecodeJSON = decodeJSON

// AgeFields makes the field definitions look as if they had been read so long ago.
func (c *Client) AgeFields(d time.Duration) {
	c.fieldsMu.Lock()
	defer c.fieldsMu.Unlock()
	for _, f := range c.fields {
		f.readAt = f.readAt.Add(-d)
	}
}
