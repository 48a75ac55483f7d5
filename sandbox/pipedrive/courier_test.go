package pipedrive_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func TestDelivery_IsRetriedThriceAfterTheDocumentedPauses(t *testing.T) {
	for name, tc := range map[string]struct {
		fails, status int
		want          pipedrive.Deliveries
	}{
		"succeeds at last": {3, 503, pipedrive.Deliveries{Sent: 1, Delivered: 1, Attempts: 4, Retried: 3}},
		"is given up":      {4, 500, pipedrive.Deliveries{Sent: 1, GivenUp: 1, Attempts: 4, Retried: 3}},
		"a redirection":    {1, 302, pipedrive.Deliveries{Sent: 1, Delivered: 1, Attempts: 2, Retried: 1}},
		"no answer":        {1, 0, pipedrive.Deliveries{Sent: 1, Delivered: 1, Attempts: 2, Retried: 1}},
		"any 2xx":          {1, 204, pipedrive.Deliveries{Sent: 1, Delivered: 1, Attempts: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			rc := listen(t)
			rc.fails(tc.fails, tc.status)
			a := hooked(t, pipedrive.Webhooks{Timeout: 300 * time.Millisecond})
			a.subscribe(rc, "*", "*", "2.0")
			a.rename("Renamed")
			got := a.told(rc)
			assert.Equal(t, tc.want, a.Deliveries())
			for i, body := range got {
				assert.EqualValues(t, i+1, meta(body)["attempt"])
				assert.Equal(t, meta(got[0])["id"], meta(body)["id"])
				if i > 0 {
					pause := []time.Duration{3, 30, 150}[i-1] * time.Millisecond
					assert.GreaterOrEqual(t, rc.times[i].Sub(rc.times[i-1]), pause)
				}
			}
		})
	}
}

func TestDelivery_RetriesMayHaveAnIDOfTheirOwn(t *testing.T) {
	rc := listen(t)
	rc.fails(1, 500)
	a := hooked(t, pipedrive.Webhooks{FreshRetryIDs: true})
	a.subscribe(rc, "*", "*", "2.0")
	a.rename("Renamed")
	got := a.told(rc)
	require.Len(t, got, 2)
	assert.NotEqual(t, meta(got[0])["id"], meta(got[1])["id"])
}

func TestBan_TenFailedFirstAttemptsLoseWhatComesInHalfAnHour(t *testing.T) {
	for _, pass := range []bool{false, true} {
		rc := listen(t)
		rc.answer = func(_ int, body object) int { // three attempts of each of the first ten fail
			if strings.HasPrefix(part(body, "data")["name"].(string), "Name") && meta(body)["attempt"].(float64) < 4 {
				return 500
			}
			return 200
		}
		a := hooked(t, pipedrive.Webhooks{TimeScale: 0.0005, RetriesPassBan: pass, InactiveWhileBanned: true}) // a ban of 900 ms
		a.subscribe(rc, "*", "*", "2.0")
		for i := range 10 {
			a.rename(fmt.Sprintf("Name %d", i))
		}
		require.Eventually(t, func() bool { return a.Deliveries().Bans == 1 }, 5*time.Second, time.Millisecond)
		assert.EqualValues(t, 0, a.get("/v1/webhooks").list(t)[0]["is_active"])
		a.rename("Lost")
		a.settled()
		counts := a.Deliveries()
		assert.Equal(t, 11, counts.Sent)
		assert.Equal(t, counts.Sent, counts.Delivered+counts.LostInBan)
		if pass {
			assert.Equal(t, 1, counts.LostInBan)
		} else {
			assert.Greater(t, counts.LostInBan, 1, "retries too")
		}
		require.Eventually(t, func() bool { return a.get("/v1/webhooks").list(t)[0]["is_active"] == 1.0 }, 5*time.Second, 10*time.Millisecond)
		a.rename("Delivered")
		a.settled()
		assert.Equal(t, counts.Delivered+1, a.Deliveries().Delivered)
		assert.Equal(t, 1, a.Deliveries().Bans, "the count starts anew")
	}
}

func TestRemoval_AWebhookWithoutSuccessForThreeDaysIsRemoved(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		rc := listen(t)
		rc.fails(1_000_000, 410)
		a := hooked(t, pipedrive.Webhooks{TimeScale: 1e-6, HideRemoved: hidden}) // three days are 260 ms
		a.subscribe(rc, "*", "*", "2.0")
		require.Eventually(t, func() bool {
			a.rename("Again")
			return a.Deliveries().Removed == 1
		}, 10*time.Second, 20*time.Millisecond)
		a.settled()
		sent := a.Deliveries().Sent
		a.rename("Nobody hears of it")
		assert.Equal(t, sent, a.Deliveries().Sent)
		list := a.get("/v1/webhooks").list(t)
		if hidden {
			assert.Empty(t, list)
			continue
		}
		require.Len(t, list, 1)
		assert.EqualValues(t, 0, list[0]["is_active"])
		assert.EqualValues(t, 410, list[0]["last_http_status"])
		for _, key := range []string{"remove_time", "remove_reason", "last_delivery_time"} {
			assert.NotNil(t, list[0][key], key)
		}
	}
}

func TestDuplicate_EveryNthIsSentTwiceWithOneID(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{Duplicate: 3})
	a.subscribe(rc, "*", "*", "2.0")
	for i := range 9 {
		a.rename(fmt.Sprintf("Name %d", i))
	}
	seen := map[any]int{}
	for _, body := range a.told(rc) {
		seen[meta(body)["id"]]++
	}
	assert.Len(t, seen, 9)
	assert.Equal(t, pipedrive.Deliveries{Sent: 9, Delivered: 9, Attempts: 12, Duplicates: 3}, a.Deliveries())
}

func TestReorder_SomeOvertakeOthersAndNoneIsLost(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{Reorder: 100 * time.Millisecond})
	a.subscribe(rc, "*", "*", "2.0")
	sent, arrived := []any{}, []any{}
	for i := range 40 {
		sent = append(sent, fmt.Sprintf("Name %d", i))
		a.rename(sent[i].(string))
	}
	for _, body := range a.told(rc) {
		arrived = append(arrived, part(body, "data")["name"])
	}
	assert.ElementsMatch(t, sent, arrived)
	assert.NotEqual(t, sent, arrived)
}

func TestDelivery_AtMostEightAtOnceForOneWebhook(t *testing.T) {
	rc := listen(t)
	under, most := make(chan struct{}, 100), 0
	rc.answer = func(int, object) int {
		under <- struct{}{}
		rc.mu.Lock()
		most = max(most, len(under))
		rc.mu.Unlock()
		time.Sleep(time.Millisecond)
		<-under
		return 200
	}
	a := hooked(t, pipedrive.Webhooks{})
	a.subscribe(rc, "*", "*", "2.0")
	for i := range 1000 {
		require.NoError(t, a.Change("person", 1, map[string]any{"name": fmt.Sprintf("Name %d", i)}))
	}
	a.settled()
	assert.Equal(t, 1000, a.Deliveries().Delivered)
	assert.LessOrEqual(t, most, 8)
}

func BenchmarkDelivery(b *testing.B) {
	ts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer ts.Close()
	server := pipedrive.New(pipedrive.Config{})
	defer server.Close()
	server.Put("person", object{"id": 1, "name": "Person 1"})
	server.Put("webhook", object{"id": 1, "subscription_url": ts.URL, "event_action": "*", "event_object": "*", "version": "2.0"})
	for b.Loop() {
		require.NoError(b, server.Change("person", 1, map[string]any{"name": "Renamed"}))
	}
	require.NoError(b, server.Idle(b.Context()))
	b.ReportMetric(float64(server.Deliveries().Delivered)/b.Elapsed().Seconds(), "deliveries/s")
}

func TestClose_EndsWhatIsUnderWay(t *testing.T) {
	rc := listen(t)
	rc.answer = func(int, object) int { return 0 }
	a := hooked(t, pipedrive.Webhooks{TimeScale: 1})
	a.subscribe(rc, "*", "*", "2.0")
	a.rename("Never answered")
	require.Eventually(t, func() bool { return len(rc.all()) == 1 }, 5*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, a.Idle(ctx), context.DeadlineExceeded)
	start := time.Now()
	require.NoError(t, a.Close())
	require.NoError(t, a.Close())
	assert.Less(t, time.Since(start), 5*time.Second)
	a.rename("Not told of")
	assert.NoError(t, a.Idle(t.Context()))
	assert.Equal(t, 1, a.Deliveries().Sent)
}

func TestSubscribe_RefusesWhatCannotBeReached(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	rc, moved := listen(t), listen(t)
	moved.fails(1_000_000, http.StatusFound)
	selfSigned := httptest.NewUnstartedServer(rc)
	selfSigned.Config.ErrorLog = log.New(io.Discard, "", 0) // it is refused, which it would tell of
	selfSigned.StartTLS()
	t.Cleanup(selfSigned.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(selfSigned.Certificate())
	for _, tc := range []struct {
		switches pipedrive.Webhooks
		url      string
		status   int
	}{
		{pipedrive.Webhooks{}, rc.url, 201},
		{pipedrive.Webhooks{}, closed.URL, 400},
		{pipedrive.Webhooks{Probe: pipedrive.ProbeNone}, closed.URL, 201},
		{pipedrive.Webhooks{}, selfSigned.URL, 400},
		{pipedrive.Webhooks{TrustedCAs: trusted}, selfSigned.URL, 201},
		{pipedrive.Webhooks{}, moved.url, 201},
		{pipedrive.Webhooks{Probe: pipedrive.ProbePost}, moved.url, 400},
		{pipedrive.Webhooks{Probe: pipedrive.ProbePost}, rc.url, 201},
		{pipedrive.Webhooks{HTTPSOnly: true}, rc.url, 400},
		{pipedrive.Webhooks{Probe: pipedrive.ProbeNone}, "https://acme.pipedrive.com/v1/persons", 400},
		{pipedrive.Webhooks{Probe: pipedrive.ProbeNone}, "ftp://files.example.org", 400},
	} {
		got := hooked(t, tc.switches).do("POST", "/v1/webhooks", object{
			"subscription_url": tc.url, "event_action": "*", "event_object": "*", "name": "test"})
		assert.Equal(t, tc.status, got.status, "%+v %s", tc.switches, tc.url)
		if tc.status == 400 {
			assert.Equal(t, object{"status": "error", "success": false,
				"errors": object{"subscription_url": []any{"invalid or non-reachable URL"}}}, got.body)
		}
	}
}

func TestSubscribe_FortyAUserAndNoMore(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{})
	for range 40 {
		a.subscribe(rc, "*", "person", "2.0")
	}
	body := object{"subscription_url": rc.url, "event_action": "*", "event_object": "person", "name": "test"}
	assert.Equal(t, http.StatusUnprocessableEntity, a.do("POST", "/v1/webhooks", body).status)
	body["user_id"] = 8
	assert.Equal(t, http.StatusCreated, a.do("POST", "/v1/webhooks", body).status, "of another user")
	require.Equal(t, http.StatusOK, a.do("DELETE", "/v1/webhooks/1", nil).status)
	delete(body, "user_id")
	assert.Equal(t, http.StatusCreated, a.do("POST", "/v1/webhooks", body).status, "after one is deleted")
}

func TestWebhookList_CredentialsComeBackEncryptedUnlessToldOtherwise(t *testing.T) {
	rc := listen(t)
	a := hooked(t, pipedrive.Webhooks{})
	assert.True(t, strings.HasPrefix(a.subscribe(rc, "*", "*", "")["http_auth_password"].(string), "v1u:"))
	plain := hooked(t, pipedrive.Webhooks{PlainCredentials: true})
	assert.Equal(t, "drive", plain.subscribe(rc, "*", "*", "")["http_auth_password"])
}
