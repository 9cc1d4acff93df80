package device

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
)

// documentKind is that of devices in the control state. A document's name is the
// device's.
const documentKind = "device"

// MaxStreams is how many patterns of streams a device can have: its credentials
// hold all of them.
const MaxStreams = 16

// A Device is what is known of one.
type Device struct {
	Name        string    `json:"name"`
	Streams     []string  `json:"streams"` // patterns of those that it may write
	RoleAlias   string    `json:"roleAlias"`
	Serial      string    `json:"serial"`      // of its certificate, hexadecimal
	Fingerprint string    `json:"fingerprint"` // SHA-256 of it, hexadecimal
	NotAfter    time.Time `json:"notAfter"`    // its end
	Created     time.Time `json:"created"`
	Creator     string    `json:"creator"` // access key id
	Disabled    bool      `json:"disabled,omitempty"`

	revision uint64
}

// Scope is what the credentials of a device reach: what producers call, on its
// streams.
func Scope(streams []string) auth.Scope {
	return auth.Scope{
		Actions: []auth.Action{"DescribeStream", "CreateStream", "TagStream", "GetDataEndpoint", "PutMedia"},
		Streams: streams,
	}
}

// session is what a device's credentials say whose they are: those of an earlier
// certificate, or of an earlier device of the name, are somebody else's.
func (d Device) session() string { return d.Name + "/" + d.Fingerprint[:sessionPrint] }

// sessionPrint is how many digits of the fingerprint tell certificates apart.
const sessionPrint = 16

func (d Device) document() (store.Document, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return store.Document{}, fmt.Errorf("encode device: %w", err)
	}
	return store.Document{Kind: documentKind, Name: d.Name, Revision: d.revision, Value: b}, nil
}

func readDevice(doc store.Document) (Device, error) {
	var d Device
	if err := json.Unmarshal(doc.Value, &d); err != nil || d.Name != doc.Name || len(d.Fingerprint) < sessionPrint {
		return Device{}, fmt.Errorf("read device %s: %w", doc.Name, millrace.ErrCorrupt)
	}
	d.revision = doc.Revision
	return d, nil
}
