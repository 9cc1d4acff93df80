package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/millrace/millrace"
)

// AuthenticateBasic returns whose request r is by its HTTP Basic credentials: an
// access key id and its secret. It is for what cannot sign, such as Prometheus,
// and for keys that last, not for sessions. now is the server's wall clock. What
// the principal may do is for Authorize to say.
//
// Errors are those of Authenticate; whether the id or the secret was wrong is
// not told. Who answers with one sends a WWW-Authenticate header.
func (a *Authenticator) AuthenticateBasic(ctx context.Context, r *http.Request, now time.Time) (Principal, error) {
	id, secret, ok := r.BasicAuth()
	switch {
	case len(r.Header["Authorization"]) == 0:
		return Principal{}, millrace.Errorf(millrace.CodeMissingToken, "Missing Authentication Token")
	case !ok || id == "" || secret == "" || len(r.Header["Authorization"]) > 1:
		return Principal{}, millrace.Errorf(millrace.CodeIncompleteSignature, "The Authorization header has no user name and password.")
	}
	key, err := a.lookup(ctx, id, "")
	if same := sameSecret(key.Secret, secret); err == nil && !same {
		err = unknownKey(errors.New("secret is wrong"))
	}
	if err != nil {
		return Principal{}, err
	}
	return key.principal(now)
}
