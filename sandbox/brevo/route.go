package brevo

import (
	"net/http"
	"net/url"
	"strings"
)

// handler does one call. It takes the locks that it needs.
type handler func(*Server, *request) reply

// node is one path segment. A path is matched segment by segment on its escaped form, because a
// decoded path cannot tell a %2F in an ext_id from a slash.
type node struct {
	children map[string]*node
	param    *node
	pattern  string
	handlers map[string]handler
}

func (n *node) add(method, pattern string, h handler) {
	for _, segment := range strings.Split(strings.TrimPrefix(pattern, "/"), "/") {
		if strings.HasPrefix(segment, "{") {
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
			continue
		}
		if n.children == nil {
			n.children = map[string]*node{}
		}
		if n.children[segment] == nil {
			n.children[segment] = &node{}
		}
		n = n.children[segment]
	}
	if n.handlers == nil {
		n.handlers = map[string]handler{}
	}
	n.pattern, n.handlers[method] = pattern, h
}

// find returns the node of an escaped path and its parameters, each decoded exactly once.
func (n *node) find(escaped string) (*node, []string) {
	var params []string
	for segment := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil, nil
		}
		if next := n.children[decoded]; next != nil {
			n = next
			continue
		}
		if n = n.param; n == nil || decoded == "" {
			return nil, nil
		}
		params = append(params, decoded)
	}
	if n.handlers == nil {
		return nil, nil
	}
	return n, params
}

func routes() *node {
	root := &node{}
	for _, r := range []struct {
		method, pattern string
		handler         handler
	}{
		{http.MethodGet, "/v3/account", (*Server).getAccount},

		{http.MethodGet, "/v3/contacts", (*Server).getContacts},
		{http.MethodPost, "/v3/contacts", (*Server).createContact},
		{http.MethodGet, "/v3/contacts/{identifier}", (*Server).getContact},
		{http.MethodPut, "/v3/contacts/{identifier}", (*Server).updateContact},
		{http.MethodDelete, "/v3/contacts/{identifier}", (*Server).deleteContact},
		{http.MethodPost, "/v3/contacts/batch", (*Server).batchContacts},
		{http.MethodPost, "/v3/contacts/import", (*Server).importContacts},

		{http.MethodGet, "/v3/contacts/lists", (*Server).getLists},
		{http.MethodPost, "/v3/contacts/lists", (*Server).createList},
		{http.MethodGet, "/v3/contacts/lists/{id}", (*Server).getList},
		{http.MethodPut, "/v3/contacts/lists/{id}", (*Server).updateList},
		{http.MethodDelete, "/v3/contacts/lists/{id}", (*Server).deleteList},
		{http.MethodGet, "/v3/contacts/lists/{id}/contacts", (*Server).getListContacts},
		{http.MethodPost, "/v3/contacts/lists/{id}/contacts/add", (*Server).addToList},
		{http.MethodPost, "/v3/contacts/lists/{id}/contacts/remove", (*Server).removeFromList},
		{http.MethodGet, "/v3/contacts/folders", (*Server).getFolders},
		{http.MethodPost, "/v3/contacts/folders", (*Server).createFolder},
		{http.MethodGet, "/v3/contacts/folders/{id}", (*Server).getFolder},
		{http.MethodPut, "/v3/contacts/folders/{id}", (*Server).updateFolder},
		{http.MethodDelete, "/v3/contacts/folders/{id}", (*Server).deleteFolder},
		{http.MethodGet, "/v3/contacts/folders/{id}/lists", (*Server).getFolderLists},
		{http.MethodGet, "/v3/contacts/segments", (*Server).getSegments},

		{http.MethodGet, "/v3/contacts/attributes", (*Server).getAttributes},
		{http.MethodPost, "/v3/contacts/attributes/{category}/{name}", (*Server).createAttribute},
		{http.MethodPut, "/v3/contacts/attributes/{category}/{name}", (*Server).updateAttribute},
		{http.MethodDelete, "/v3/contacts/attributes/{category}/{name}", (*Server).deleteAttribute},
		{http.MethodDelete, "/v3/contacts/attributes/{category}/{name}/{option}", (*Server).deleteAttributeOption},

		{http.MethodGet, "/v3/processes", (*Server).getProcesses},
		{http.MethodGet, "/v3/processes/{id}", (*Server).getProcess},

		{http.MethodPost, "/v3/events", (*Server).createEvent},
		{http.MethodGet, "/v3/events", (*Server).getEvents},
		{http.MethodPost, "/v3/events/batch", (*Server).createEvents},

		{http.MethodGet, "/v3/companies", (*Server).getCompanies},
		{http.MethodPost, "/v3/companies", (*Server).createCompany},
		{http.MethodGet, "/v3/companies/{id}", (*Server).getCompany},
		{http.MethodPatch, "/v3/companies/{id}", (*Server).updateCompany},
		{http.MethodDelete, "/v3/companies/{id}", (*Server).deleteCompany},
		{http.MethodPatch, "/v3/companies/link-unlink/{id}", (*Server).linkCompany},
		{http.MethodPost, "/v3/companies/import", (*Server).importCompanies},
		{http.MethodGet, "/v3/crm/attributes/companies", (*Server).getCompanyAttributes},
		{http.MethodPost, "/v3/crm/attributes", (*Server).createCompanyAttribute},

		{http.MethodGet, "/v3/webhooks", (*Server).getWebhooks},
		{http.MethodPost, "/v3/webhooks", (*Server).createWebhook},
		{http.MethodGet, "/v3/webhooks/{id}", (*Server).getWebhook},
		{http.MethodPut, "/v3/webhooks/{id}", (*Server).updateWebhook},
		{http.MethodDelete, "/v3/webhooks/{id}", (*Server).deleteWebhook},
	} {
		root.add(r.method, r.pattern, r.handler)
	}
	return root
}
