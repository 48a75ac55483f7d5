package pipedrive

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sandbox "connector/sandbox/pipedrive"
)

// subscribedTo starts an input that subscribes itself to an account's persons.
func subscribedTo(t *testing.T, cfg sandbox.Config, persons int) (*account, *hook) {
	t.Helper()
	a := newAccount(t, cfg, persons)
	t.Cleanup(func() { _ = a.Server.Close() })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	in, err := a.openHook(newResources(t), fmt.Sprintf("%ssubscribe: {public_url: 'http://%s/pipedrive', events: ['*.*'], check_interval: 1s}\n", withPassword, address))
	require.NoError(t, err)
	in.conf.address = address
	require.NoError(t, in.Connect(t.Context()))
	in.subscribed("*.* http://" + address + "/pipedrive")
	return a, in
}

func (d *delivered) actions() (all []string) {
	for _, m := range d.messages() {
		all = append(all, metaOf(m, "pipedrive_object")+" "+metaOf(m, "pipedrive_id")+" "+metaOf(m, "pipedrive_action")+
			metaOf(m, "pipedrive_merged_to_id")+metaOf(m, "pipedrive_merged_from_id"))
	}
	slices.Sort(all)
	return all
}

func TestWebhook_ChangesOfAnAccountArriveThroughItsOwnSubscription(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Webhooks{
		"as documented": {TimeScale: 0.001, Probe: sandbox.ProbePost},
		"with doubles":  {TimeScale: 0.001, Duplicate: 1, SurvivorFirst: true, PlainCredentials: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, in := subscribedTo(t, sandbox.Config{Webhooks: cfg}, 3)
			got := in.deliverAll()
			a.do(http.MethodPatch, "/api/v2/persons/1", `{"name":"Renamed"}`)
			a.do(http.MethodDelete, "/api/v2/persons/2", "")
			a.do(http.MethodPut, "/v1/persons/3/merge", `{"merge_with_id":1}`)
			want := []string{"person 1 change", "person 1 merge3", "person 2 delete", "person 3 delete1"}
			require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, got.actions()) }, 10*time.Second, 20*time.Millisecond)
			require.NoError(t, a.Idle(t.Context()))
			assert.Equal(t, want, got.actions())
		})
	}
}

func TestWebhook_WhatFailedArrivesWhenPipedriveTriesAgain(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]bool{"with the same id": false, "with another id": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, in := subscribedTo(t, sandbox.Config{Webhooks: sandbox.Webhooks{TimeScale: 0.01, FreshRetryIDs: fresh}}, 1)
			a.do(http.MethodPatch, "/api/v2/persons/1", `{"name":"Renamed"}`)
			for range 2 {
				_, ack := in.batch()
				require.NoError(t, ack(t.Context(), assert.AnError))
			}
			got := in.deliverAll()
			require.NoError(t, a.Idle(t.Context()))
			assert.Equal(t, []string{"person 1 change"}, got.actions())
		})
	}
}
