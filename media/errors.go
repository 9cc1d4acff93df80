package media

import "errors"

// The kinds of trouble that codec data can be in. A parser's error is a
// [*SyntaxError] around one of them; test with errors.Is.
var (
	// ErrTruncated means that the data ended inside a field.
	ErrTruncated = errors.New("truncated")
	// ErrInvalid means that a field has a value the format forbids.
	ErrInvalid = errors.New("invalid")
	// ErrMissing means that a part which a decoder needs is not there.
	ErrMissing = errors.New("missing")
	// ErrUnsupported means that the data may be right, but not for this package.
	ErrUnsupported = errors.New("unsupported")
	// ErrLimit means that a count or a size is above a bound of the format or of
	// this package.
	ErrLimit = errors.New("limit exceeded")
)

// SyntaxError says which part of which codec's data could not be read or written.
type SyntaxError struct {
	// Codec is the codec whose data was being parsed.
	Codec Codec
	// Part names the structure and field, such as "avcC sps" or "sps width".
	Part string
	// Err is one of this package's sentinel errors.
	Err error
}

// Error reports codec, part and kind.
func (e *SyntaxError) Error() string {
	return e.Codec.String() + ": " + e.Part + ": " + e.Err.Error()
}

// Unwrap returns the kind, so that errors.Is finds it.
func (e *SyntaxError) Unwrap() error { return e.Err }

func syntax(codec Codec, part string, err error) error {
	return &SyntaxError{Codec: codec, Part: part, Err: err}
}
