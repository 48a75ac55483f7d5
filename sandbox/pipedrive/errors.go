package pipedrive

import (
	"net/http"
	"slices"
	"strings"
)

const errorInfo = "Please check developers.pipedrive.com"

// gatewayError is the shape of the gateway in front of the API: credentials, scopes, quota.
func gatewayError(status int, message string) reply {
	return jsonReply(status, map[string]any{
		"success": false, "error": message, "errorCode": status, "error_info": errorInfo,
	})
}

// generalError is the shape of v1 and of everything that is neither gateway nor validation.
func generalError(status int, message string) reply {
	return jsonReply(status, map[string]any{
		"success": false, "error": message, "error_info": errorInfo, "data": nil, "additional_data": nil,
	})
}

// notFound answers for a record that does not exist. The body that v2 sends is not published.
func notFound(noun string) reply {
	return jsonReply(http.StatusNotFound, map[string]any{
		"success": false, "error": noun + " not found", "code": "ERR_NOT_FOUND",
		"error_info": errorInfo, "data": nil, "additional_data": nil,
	})
}

// unknownError is v2's own 500.
func unknownError() reply {
	return jsonReply(http.StatusInternalServerError, map[string]any{
		"success": false, "error": "Internal Server Error", "code": "ERR_UNKNOWN",
	})
}

// problems collects what is wrong with a v2 request, one "key: reason" each.
type problems []string

func (p *problems) add(key, reason string) {
	if item := key + ": " + reason; !slices.Contains(*p, item) {
		*p = append(*p, item)
	}
}

func (p *problems) notAllowed(key string) {
	p.add(key, "Parameter '"+key+"' is not allowed for this request")
}

// reply is v2's validation error. Source: the layout is known from bug reports, not from the documentation.
func (p problems) reply() reply {
	return jsonReply(http.StatusBadRequest, map[string]any{
		"success": false,
		"error":   "Validation failed: " + strings.Join(p, "; "),
		"code":    "ERR_SCHEMA_VALIDATION_FAILED",
	})
}

func invalid(key, reason string) reply {
	var p problems
	p.add(key, reason)
	return p.reply()
}
