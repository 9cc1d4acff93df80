package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// How long credentials of devices are good.
const (
	MinLifetime     = 15 * time.Minute
	MaxLifetime     = 12 * time.Hour
	defaultLifetime = time.Hour
)

var aliasPattern = regexp.MustCompile(`^[\w@-]{1,64}$`)

// A RoleAlias is a name under which devices ask for credentials.
type RoleAlias struct {
	Name     string
	Lifetime time.Duration // of the credentials: 15 minutes to 12 hours
}

// String is the form that ParseRoleAlias reads.
func (a RoleAlias) String() string { return a.Name + "=" + a.Lifetime.String() }

// ParseRoleAlias reads "NAME" or "NAME=DURATION".
func ParseRoleAlias(text string) (RoleAlias, error) {
	name, life, given := strings.Cut(text, "=")
	a := RoleAlias{Name: name, Lifetime: defaultLifetime}
	var err error
	if given {
		a.Lifetime, err = time.ParseDuration(life)
	}
	if err != nil || !aliasPattern.MatchString(name) || a.Lifetime < MinLifetime || a.Lifetime > MaxLifetime {
		return RoleAlias{}, fmt.Errorf("%q is not NAME=DURATION with 15m to 12h, as in camera=1h", text)
	}
	return a, nil
}

// RoleAliases is a list of them, separated by commas.
type RoleAliases []RoleAlias

// String returns the form that UnmarshalText reads.
func (l RoleAliases) String() string {
	texts := make([]string, len(l))
	for i, a := range l {
		texts[i] = a.String()
	}
	return strings.Join(texts, ",")
}

// MarshalText implements encoding.TextMarshaler.
func (l RoleAliases) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *RoleAliases) UnmarshalText(text []byte) error {
	var words List
	if err := words.UnmarshalText(text); err != nil {
		return err
	}
	*l = nil
	for _, w := range words {
		a, err := ParseRoleAlias(w)
		if err != nil {
			return err
		}
		*l = append(*l, a)
	}
	return nil
}
