package wire

import "strings"

// canonicalHead appends the lines of a canonical request up to the headers.
func canonicalHead(b []byte, method, path string, q query) []byte {
	b = append(b, method...)
	b = append(b, '\n')
	b = append(b, canonicalPath(path)...)
	b = append(b, '\n')
	b = append(b, q.canonical()...)
	return append(b, '\n')
}

// appendHeader appends one signed header.
func appendHeader(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ':')
	b = append(b, value...)
	return append(b, '\n')
}

// appendTail appends what follows the headers.
func appendTail(b []byte, signedHeaders []string, payload string) []byte {
	for i, name := range signedHeaders {
		if i == 0 {
			b = append(b, '\n')
		} else {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payload...)
}

// joinValues trims the values of a repeated header and joins them with commas.
func joinValues(values []string) string {
	if len(values) == 1 {
		return strings.TrimSpace(values[0])
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ",")
}
