package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// String returns the settings as a YAML file that Load reads back, except for
// the secret, which is left out.
func (s Server) String() string {
	var b strings.Builder
	v := reflect.ValueOf(s)
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, value := f.Tag.Get("name"), v.FieldByIndex(f.Index)
		switch {
		case name == "secret-access-key":
			if value.Len() > 0 {
				fmt.Fprintf(&b, "# %s: (set, not shown)\n", name)
			}
		case value.Kind() == reflect.String, value.Kind() == reflect.Slice:
			fmt.Fprintf(&b, "%s: %q\n", name, value.Interface())
		default:
			fmt.Fprintf(&b, "%s: %v\n", name, value.Interface())
		}
	}
	return b.String()
}

// MarshalJSON writes the settings under their names, durations and sizes as
// text. The secret is left out.
func (s Server) MarshalJSON() ([]byte, error) {
	v := reflect.ValueOf(s)
	settings := map[string]any{}
	for _, f := range reflect.VisibleFields(v.Type()) {
		value := v.FieldByIndex(f.Index).Interface()
		if text, ok := value.(fmt.Stringer); ok {
			value = text.String()
		}
		settings[f.Tag.Get("name")] = value
	}
	delete(settings, "secret-access-key")
	return json.Marshal(settings)
}
