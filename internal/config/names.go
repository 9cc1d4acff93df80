package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Names returns the names of all settings, in the order of Server's fields.
func Names() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Server]()) {
		names = append(names, f.Tag.Get("name"))
	}
	return names
}

// EnvironmentName returns the variable that holds the setting: idle-timeout is
// MILLRACE_IDLE_TIMEOUT.
func EnvironmentName(setting string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

const envPrefix = "MILLRACE_"

// checkNames refuses keys that are no settings.
func checkNames(keys []string) error {
	known := Names()
	for _, k := range keys {
		if slices.Contains(known, k) {
			continue
		}
		if n, ok := nearest(k, known); ok {
			return fmt.Errorf("there is no setting %q; did you mean %q?", k, n)
		}
		return fmt.Errorf("there is no setting %q; the settings are %s", k, strings.Join(known, ", "))
	}
	return nil
}
