package pipedrive_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"connector/sandbox/pipedrive"
)

func TestLinked_AreTheNewestThatAreNotDeleted(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(2)
	for id := 1; id <= 5; id++ {
		a.Put("deal", object{"id": id, "title": "A deal", "person_id": 1 + id%5/4})
	}
	a.do("DELETE", "/api/v2/deals/3", nil)
	assert.Equal(t, []int{5, 2, 1}, ids(a.Linked("deal", "person", 1, 10)))
	assert.Equal(t, []int{5, 2}, ids(a.Linked("deal", "person", 1, 2)))
	assert.Empty(t, a.Linked("deal", "person", 9, 10))
}

func TestWalk_MeetsEveryRecordThatIsNotDeletedOnce(t *testing.T) {
	a := newAccount(t, pipedrive.Config{}).withPersons(1100)
	for _, id := range []string{"1", "500", "501", "1100"} {
		require.Less(t, a.do("DELETE", "/api/v2/persons/"+id, nil).status, 300)
	}
	met := []object{}
	a.Walk("person", func(m map[string]any) { met = append(met, m) })
	assert.Len(t, met, 1096)
	assert.IsIncreasing(t, ids(met))
	a.Walk("deal", func(map[string]any) { assert.Fail(t, "there are no deals") })
}
