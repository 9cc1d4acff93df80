package api

import "github.com/millrace/millrace/internal/playback"

// ParseFileQuery is what the query of a file asks for.
func ParseFileQuery(raw string) (playback.FileRequest, error) {
	query, err := parseResourceQuery(raw)
	if err != nil {
		return playback.FileRequest{}, err
	}
	return (&ResourceCall{Query: query, call: &call{operation: operation{path: fileMP4}}}).fileRequest()
}
