package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/millrace/millrace/internal/server"
)

type keyRoot struct {
	dataDir
}

// Run prints the root key that a server has kept in its data directory, as a
// shell takes it. Whoever may read the file may have it; no server need run.
func (k keyRoot) Run(c *console) error {
	dir, err := k.resolve(c, "key root")
	if err != nil {
		return err
	}
	key, err := server.ReadRootKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no root key: a server makes it at its first start, unless the environment names one", dir)
	}
	if err != nil {
		return err
	}
	if key.Warning != "" {
		c.say("Warning: %s", key.Warning)
	}
	return c.print(key.RootKey, func(w io.Writer) {
		fmt.Fprintf(w, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", quoted(key.ID), quoted(key.Secret))
	})
}
