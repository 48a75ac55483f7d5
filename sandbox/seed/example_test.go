package seed_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"connector/sandbox/pipedrive"
	"connector/sandbox/seed"
)

// A company of 100 persons on a local port, under the published limits.
func ExampleFill() {
	p := pipedrive.New(pipedrive.Config{Limits: pipedrive.PublishedLimits()})
	seed.Fill(p, 100)
	server := httptest.NewServer(p)
	defer server.Close()

	res, err := http.Get(server.URL + "/api/v2/persons?limit=500&api_token=sandbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status, res.Header.Get("x-daily-ratelimit-token-remaining"), p.Count("person"))
	// Output: 200 OK 29990 100
}
