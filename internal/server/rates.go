package server

import (
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/limit"
)

// rates makes of what is written down what requests are held to.
func rates(rules config.Rates) map[string]limit.Rate {
	each := map[string]limit.Rate{}
	for operation, r := range rules.Each() {
		each[operation] = limit.Rate{Account: r.Account, Resource: r.Resource}
	}
	return each
}
