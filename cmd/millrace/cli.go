package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/millrace/millrace/internal/config"
)

// cli is the grammar of the command line.
type cli struct {
	JSON bool `help:"Write results, progress and errors as JSON."`

	Server     serverCommand     `cmd:"" help:"Run the server."`
	Demo       demoCommand       `cmd:"" help:"Run a server with an endless camera, to look at."`
	Stream     streamCommand     `cmd:"" help:"Make, change and list streams."`
	Push       pushCommand       `cmd:"" help:"Send a Matroska file, or standard input, to a stream."`
	Spool      spoolCommand      `cmd:"" help:"Look into the spool of a producer, and take media out of it."`
	Pull       pullCommand       `cmd:"" help:"Take media out of a stream."`
	Frames     framesCommand     `cmd:"" help:"List the frames of a stream, or of a file."`
	Watch      watchCommand      `cmd:"" help:"Show how streams do, live."`
	Fragments  fragmentsCommand  `cmd:"" help:"List the fragments that are kept of a stream."`
	Clip       clipCommand       `cmd:"" help:"Take a range of a stream as one MP4 or Matroska file."`
	Dump       dumpCommand       `cmd:"" help:"Show what a Matroska file or a pack is made of."`
	URL        urlCommand        `cmd:"" name:"url" help:"Make links by which people and players see a stream."`
	Key        keyCommand        `cmd:"" help:"Make, change and list access keys."`
	Device     deviceCommand     `cmd:"" help:"Give devices certificates, and take them back."`
	Clock      clockCommand      `cmd:"" help:"Look at a server's time, and accept the machine's."`
	Verify     verifyCommand     `cmd:"" help:"Check everything that a data directory holds."`
	Backup     backupCommand     `cmd:"" help:"Copy a data directory, while a server uses it or not."`
	Restore    restoreCommand    `cmd:"" help:"Put a backup into an empty data directory."`
	Rebuild    rebuildCommand    `cmd:"" help:"Make the index of a data directory again from its media."`
	Doctor     doctorCommand     `cmd:"" help:"Look whether this machine is fit for a server, and say what to do."`
	Health     healthCommand     `cmd:"" help:"Ask a server whether it can serve."`
	Config     configCommand     `cmd:"" help:"Print the server's settings as they would be used."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
	Completion completionCommand `cmd:"" help:"Print a completion script for a shell."`
}

const description = `Millrace is Kinesis Video Streams that you run yourself.

Commands that talk to a server find it and their keys as the AWS tools do: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_PROFILE and the files in ~/.aws.`

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, c console) int {
	grammar := &cli{}
	exited := -1
	parser, err := kong.New(grammar,
		kong.Name("millrace"),
		kong.Description(description),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		return c.fail(fmt.Errorf("read grammar: %w", err))
	}
	parsed, err := parser.Parse(helpArgs(args))
	if exited >= 0 {
		return exited // --help
	}
	c.json = grammar.JSON || slices.Contains(args, "--json")
	if err != nil {
		return c.fail(&usageError{err, "millrace " + commandOf(err) + "--help"})
	}
	c.flags = flagsOf(parsed)
	parsed.BindTo(ctx, (*context.Context)(nil))
	return c.fail(parsed.Run(&c, parser))
}

// helpArgs makes "help push" of "push --help", and help of nothing at all.
func helpArgs(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	}
	return args
}

// commandOf is the command, as far as it was understood, and a space behind it.
func commandOf(err error) string {
	var wrong *kong.ParseError
	if !errors.As(err, &wrong) || wrong.Context == nil {
		return ""
	}
	var words strings.Builder
	for _, element := range wrong.Context.Path {
		if element.Command != nil {
			words.WriteString(element.Command.Name + " ")
		}
	}
	return words.String()
}

// flagsOf collects the settings that were given as flags.
func flagsOf(parsed *kong.Context) map[string]string {
	known := config.Names()
	given := map[string]string{}
	for _, element := range parsed.Path {
		if f := element.Flag; f != nil && slices.Contains(known, f.Name) {
			given[f.Name] = fmt.Sprint(f.Target.Interface())
		}
	}
	return given
}
