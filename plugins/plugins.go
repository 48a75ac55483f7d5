// Package plugins registers every component and Bloblang method of the connector with Benthos.
package plugins

import (
	_ "connector/plugins/bloblang"
	_ "connector/plugins/brevo"
	_ "connector/plugins/pipedrive"
	_ "connector/plugins/redrive"
)
