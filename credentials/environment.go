package credentials

import (
	"context"
	"os"

	"github.com/millrace/millrace"
)

// Environment is a source that reads AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
// and AWS_SESSION_TOKEN. Where the first two are not both set it says
// ErrMissing.
func Environment() millrace.CredentialsSource {
	return func(context.Context) (millrace.Credentials, error) {
		return complete(millrace.Credentials{
			AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		})
	}
}

func complete(c millrace.Credentials) (millrace.Credentials, error) {
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return millrace.Credentials{}, ErrMissing
	}
	return c, nil
}
