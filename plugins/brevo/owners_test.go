package brevo

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/plugins/brevo/api"
)

func TestOwners_KnowEveryAddressHoweverManyThereAre(t *testing.T) {
	o := newOwners()
	const addresses = 3 * memorySlots / 2 // it moves into a file on the way
	contact := func(n, id int) api.Contact {
		return api.Contact{Email: "p" + strconv.Itoa(n) + "@example.com", ExtID: strconv.Itoa(id)}
	}
	for n := range addresses {
		owner, err := o.claim(contact(n, n+10))
		require.NoError(t, err)
		require.Empty(t, owner)
	}
	for n := range addresses {
		owner, err := o.claim(contact(n, n+10))
		require.NoError(t, err)
		require.Empty(t, owner, "its own again")
		owner, err = o.claim(contact(n, n+11))
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(n+10), owner)
	}
	owner, err := o.claim(contact(0, 3))
	require.NoError(t, err)
	assert.Empty(t, owner, "a lower id takes the address over")
	require.NoError(t, o.close())
}
