package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A confirmation is what a command asks for that lets media go for good.
type confirmation struct {
	Yes bool `help:"Do not ask."`
}

// errNotConfirmed is the answer that is not yes.
var errNotConfirmed = errors.New("that was not yes: nothing was done")

// confirm asks the question of a command, where there is somebody to answer.
func (a confirmation) confirm(c *console, command, question string) error {
	if a.Yes {
		return nil
	}
	if !c.terminal || c.json {
		return usagef(command, "this lets media go for good, and nobody is there to confirm: say --yes")
	}
	fmt.Fprintf(c.err, "%s Type yes: ", question)
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errNotConfirmed
	}
	return nil
}
