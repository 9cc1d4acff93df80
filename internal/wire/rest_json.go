package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/millrace/millrace"
)

// MaxBodySize is the largest body of a JSON operation, in bytes.
const MaxBodySize = 1 << 20

// ReadBody reads the body of a JSON operation. The result is never nil, so
// that an empty body is told from a streamed one. A body over MaxBodySize is an
// error with CodeTooLarge; one that breaks off is an error with
// CodeSerialization. An exception that reading it returns is passed on.
func ReadBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBodySize {
		return nil, errTooLarge()
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, MaxBodySize+1))
	if _, ok := errors.AsType[*millrace.Error](err); ok {
		return nil, err
	}
	if err != nil {
		return nil, &millrace.Error{Code: millrace.CodeSerialization, Message: "The request body could not be read.", Err: err}
	}
	if len(b) > MaxBodySize {
		return nil, errTooLarge()
	}
	return b, nil
}

func errTooLarge() error {
	return millrace.Errorf(millrace.CodeTooLarge, "The request body is larger than %d bytes.", MaxBodySize)
}

// WriteJSON answers a request with status 200 and v as a JSON object. A nil v
// is the empty object. HTML characters are not escaped, because some clients
// copy strings as they stand. A v that cannot be encoded is answered as an
// internal failure and returned as an error; so is a failed write.
func WriteJSON(w http.ResponseWriter, requestID string, v any) error {
	body, err := encodeObject(v)
	if err != nil {
		WriteError(w, requestID, err)
		return err
	}
	return writeBody(w, requestID, http.StatusOK, body)
}

// encodeObject marshals v without HTML escapes and without a final newline.
func encodeObject(v any) ([]byte, error) {
	if v == nil {
		return []byte("{}"), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode response: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// errorBody carries the name and the text under each key that some client
// reads.
type errorBody struct {
	Type    string `json:"__type"`
	Message string `json:"Message"`
	Lower   string `json:"message"`
}

// WriteError answers a request with the exception that belongs to err's code:
// the name in the ErrorType header and in __type, the message under both
// spellings. An error that is no millrace.Error is shown bare, as an internal
// failure. Nothing of a body may have been written before.
func WriteError(w http.ResponseWriter, requestID string, err error) {
	name, status := Exception(millrace.CodeOf(err))
	text := publicMessage(err, name)
	w.Header()[HeaderErrorType] = []string{name}
	w.Header()[headerErrorTypeAlias] = []string{name}
	body, _ := encodeObject(errorBody{Type: name, Message: text, Lower: text}) // strings always encode
	_ = writeBody(w, requestID, status, body)                                  // a client that has gone needs no answer
}

// publicMessage is the text that a client may see. It is never empty.
func publicMessage(err error, name string) string {
	if e, ok := errors.AsType[*millrace.Error](err); ok && e.Message != "" {
		return e.Message
	}
	if name == "InternalFailure" {
		return "The request processing has failed because of an unknown error."
	}
	return name
}

func writeBody(w http.ResponseWriter, requestID string, status int, body []byte) error {
	h := w.Header()
	SetRequestID(h, requestID)
	SetCrossOrigin(h)
	h.Set("Content-Type", ContentTypeJSON)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write response: %w", err)
	}
	return nil
}
