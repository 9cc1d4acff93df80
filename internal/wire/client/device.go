package client

import (
	"context"
	"iter"

	"github.com/millrace/millrace/internal/wire"
)

// A Device is what is shown of a device. Its status is that of a key.
type Device struct {
	DeviceName     string
	Status         string
	Streams        []string // patterns
	RoleAlias      string
	SerialNumber   string
	Fingerprint    string
	CreationTime   wire.Timestamp
	CreatedBy      string
	ExpirationTime wire.Timestamp // of its certificate
}

// A DeviceSpec is what a new device is made of. What is empty is the server's
// choice.
type DeviceSpec struct {
	DeviceName         string
	CertificateRequest string   // PEM
	Streams            []string `json:",omitempty"`
	RoleAlias          string   `json:",omitempty"`
	ValidityInDays     int      `json:",omitempty"`
}

// A NewDevice is what CreateDevice returns.
type NewDevice struct {
	Device              Device
	CertificatePem      string
	AuthorityPem        string // that the device has to trust; empty if that is one that everybody knows
	CredentialsEndpoint string // host, with a port if need be
}

// CreateDevice makes a device and the certificate that was requested for it. It
// is Millrace's own, as all operations on devices are. It is not tried again by
// itself: the second call would find the name taken.
func (c *Client) CreateDevice(ctx context.Context, d DeviceSpec) (NewDevice, error) {
	var out NewDevice
	err := c.callOnce(ctx, "/millrace/v1/createDevice", d, &out)
	return out, err
}

// Devices walks all devices in the order of their names. An error ends the walk.
func (c *Client) Devices(ctx context.Context) iter.Seq2[Device, error] {
	in := struct {
		NextToken string `json:",omitempty"`
	}{}
	return func(yield func(Device, error) bool) {
		for {
			var out struct {
				DeviceList []Device
				NextToken  string
			}
			if err := c.call(ctx, "/millrace/v1/listDevices", in, &out); err != nil {
				yield(Device{}, err)
				return
			}
			for _, d := range out.DeviceList {
				if !yield(d, nil) {
					return
				}
			}
			if out.NextToken == "" || out.NextToken == in.NextToken {
				return
			}
			in.NextToken = out.NextToken
		}
	}
}

// UpdateDevice changes a device's status.
func (c *Client) UpdateDevice(ctx context.Context, name, status string) (Device, error) {
	in := struct{ DeviceName, Status string }{name, status}
	var out Device
	err := c.call(ctx, "/millrace/v1/updateDevice", in, &out)
	return out, err
}

// DeleteDevice forgets a device for good.
func (c *Client) DeleteDevice(ctx context.Context, name string) error {
	in := struct{ DeviceName string }{name}
	return c.call(ctx, "/millrace/v1/deleteDevice", in, &struct{}{})
}
