package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"connector/sandbox/seed"
)

func TestCompanyFlags_ZeroIsNoneAndWhatIsLeftOutIsInProportion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want seed.Company
	}{
		{nil, seed.Company{Persons: 1000}},
		{[]string{"--persons", "20", "--deals", "0", "--leads", "7"}, seed.Company{Persons: 20, Deals: -1, Leads: 7}},
		{[]string{"--organizations", "4", "--activities", "3"}, seed.Company{Persons: 1000, Organizations: 4, Activities: 3}},
	} {
		var got seed.Company
		app := &cli.App{Flags: companyFlags(1000), Action: func(ctx *cli.Context) error {
			got = companyOf(ctx)
			return nil
		}}
		require.NoError(t, app.Run(append([]string{"connector"}, c.args...)))
		assert.Equal(t, c.want, got)
	}
}
