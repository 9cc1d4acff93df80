package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

type keySession struct {
	Duration time.Duration `help:"How long it lasts, 15m to 12h." default:"12h" placeholder:"D"`
	Name     string        `help:"Name of the session, for the log." placeholder:"NAME"`
	keyScope
	access
}

// A processCredential is what AWS tools read from a credential_process.
type processCredential struct {
	Version    int
	ID         string    `json:"AccessKeyId"`
	Secret     string    `json:"SecretAccessKey"`
	Token      string    `json:"SessionToken"`
	Expiration time.Time `json:"Expiration"`
}

// Run takes a session out. It goes to standard output, as a shell takes it, or
// in JSON as an AWS tool does.
func (k keySession) Run(ctx context.Context, c *console) error {
	conn, err := k.control(c)
	if err != nil {
		return err
	}
	s, end, err := conn.GetSessionToken(ctx, client.SessionSpec{
		KeyScope: k.scope(), Name: k.Name, DurationSeconds: int64(k.Duration / time.Second),
	})
	if err != nil {
		return fmt.Errorf("get session: %w", err)
	}
	c.say("The session ends %s.", end.Format(time.RFC3339))
	return c.print(processCredential{1, s.AccessKeyID, s.SecretAccessKey, s.SessionToken, end.Time}, func(w io.Writer) {
		fmt.Fprintf(w, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_SESSION_TOKEN=%s\n",
			quoted(s.AccessKeyID), quoted(s.SecretAccessKey), quoted(s.SessionToken))
	})
}
