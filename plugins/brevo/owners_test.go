package brevo

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOwners_KnowEveryAddressHoweverManyThereAre(t *testing.T) {
	o := newOwners()
	const addresses = 3 * memorySlots / 2 // it moves into a file on the way
	ask := func(n int, id uint64) claim {
		c, err := o.claim(addressHash("p"+strconv.Itoa(n)+"@example.com"), id)
		require.NoError(t, err)
		return c
	}
	for n := range addresses {
		c := ask(n, uint64(n+10))
		require.True(t, c.granted() && c.fresh)
	}
	for n := range addresses {
		c := ask(n, uint64(n+10))
		require.True(t, c.granted() && !c.fresh, "its own again")
		require.Equal(t, uint64(n+10), ask(n, uint64(n+11)).owner)
	}
	c := ask(0, 3)
	assert.True(t, c.granted(), "a lower id takes the address over")
	assert.Equal(t, uint64(10), c.former)
	require.NoError(t, o.close())
}

func TestOwners_AnAddressThatIsGivenUpIsFree(t *testing.T) {
	o := newOwners()
	ask := func(id uint64) claim {
		c, err := o.claim(7, id)
		require.NoError(t, err)
		return c
	}
	require.NoError(t, o.undo(ask(3)))
	assert.True(t, ask(9).fresh, "who was not written was never seen")
	require.NoError(t, o.undo(ask(3)))
	assert.Equal(t, uint64(9), ask(10).owner, "it is the former owner's again")
	require.NoError(t, o.release(7, 4))
	assert.Equal(t, uint64(9), ask(10).owner, "only its owner can give it up")
	require.NoError(t, o.release(7, 9))
	c := ask(10)
	assert.True(t, c.granted() && !c.fresh)
	assert.Equal(t, uint64(nobody), c.former)
}
