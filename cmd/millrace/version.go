package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints what the binary was built from.
func (versionCommand) Run(c *console) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Modified bool   `json:"modified,omitempty"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{"", "", false, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	v.Version = release()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	return c.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "millrace %s (%s, %s)\n", v.Version, v.Go, v.Platform)
	})
}

// release is the version that this binary was built from.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
