package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// Sources are the places that settings are written down in.
type Sources struct {
	File    string            // path of a YAML file; empty means that MILLRACE_CONFIG names one, or that there is none
	Environ []string          // as os.Environ returns it
	Flags   map[string]string // the settings given on the command line, by name, as text
	AnyData bool              // the data directory may be left open, for nobody goes there
}

// Load reads the sources over the defaults and validates the outcome. Its
// errors say which source holds the bad setting.
func Load(src Sources) (Server, error) {
	env := environment(src.Environ)
	if src.File == "" {
		src.File = env[envConfig]
	}
	fromEnv := map[string]any{}
	for _, name := range Names() {
		if v, ok := env[EnvironmentName(name)]; ok {
			fromEnv[name] = v
		}
	}
	fromFlags := map[string]any{}
	for name, v := range src.Flags {
		fromFlags[name] = v
	}

	file, err := readFile(src.File)
	if err != nil {
		return Server{}, err
	}
	layers := []layer{
		{"config file " + src.File, file},
		{"environment", fromEnv},
		{"command line", fromFlags},
	}
	s := Default(profileOf(layers))
	for _, l := range layers {
		if err := l.apply(&s); err != nil {
			return Server{}, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	valid := s
	if src.AnyData && valid.Data == "" {
		valid.Data = "."
	}
	if err := valid.Validate(); err != nil {
		return Server{}, err
	}
	return s, nil
}

// Variables that are no settings, and are not unknown.
const (
	envConfig = envPrefix + "CONFIG"
	envCA     = envPrefix + "CA" // whom clients trust
)

// Unknown returns the variables of environ that begin with MILLRACE_ but are
// no settings. They are not errors, because container platforms make such
// variables of their own; a server names them in its log.
func Unknown(environ []string) []string {
	known := map[string]bool{envConfig: true, envCA: true}
	for _, name := range Names() {
		known[EnvironmentName(name)] = true
	}
	var unknown []string
	for name := range environment(environ) {
		if strings.HasPrefix(name, envPrefix) && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

func environment(environ []string) map[string]string {
	m := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		m[name] = value
	}
	return m
}

func readFile(path string) (map[string]any, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read config file: %w", err)
	}
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(b), yaml.Parser()); err != nil {
		return nil, fmt.Errorf("config file %s: %w", path, err)
	}
	return k.Raw(), nil
}

// profileOf finds the profile before anything else is read, because the
// defaults depend on it.
func profileOf(layers []layer) Profile {
	p := ProfileDefault
	for _, l := range layers {
		if v, ok := l.values["profile"].(string); ok {
			p = Profile(v)
		}
	}
	return p
}

// A layer is the settings of one source.
type layer struct {
	name   string
	values map[string]any
}

// ReadBytes is there to make a layer a koanf.Provider; a layer has no bytes.
func (l layer) ReadBytes() ([]byte, error) { return nil, errors.New("a layer has no bytes") }

// Read implements koanf.Provider.
func (l layer) Read() (map[string]any, error) { return maps.Clone(l.values), nil }

func (l layer) apply(s *Server) error {
	if err := checkNames(slices.Sorted(maps.Keys(l.values))); err != nil {
		return err
	}
	k := koanf.New(".")
	if err := k.Load(l, nil); err != nil {
		return err
	}
	return k.UnmarshalWithConf("", s, decoding(s))
}
