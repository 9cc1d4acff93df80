package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// healthPatience is how long a server may take to say how it is.
const healthPatience = 4 * time.Second

type healthCommand struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:9464/readyz" help:"What to ask: /readyz or /healthz of a server (http://127.0.0.1:9464/readyz, of --metrics-listen)."`
}

// Help is what the long help says.
func (healthCommand) Help() string {
	return "Asks a server whether it can serve, for containers, in which there is no other program that could. Exit code 0 says that it can."
}

// Run asks once.
func (h healthCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &advisedError{
			fmt.Errorf("ask for health: %w", err),
			"Is the server running, with --metrics-listen? Or name the address to ask: millrace health http://127.0.0.1:8080/readyz",
		}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", h.URL, resp.Status)
	}
	return nil
}
