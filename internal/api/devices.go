package api

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/wire"
)

// deviceOperations are Millrace's own operations on devices.
func (h *Handler) deviceOperations() []operation {
	return []operation{
		{name: string(auth.CreateDevice), path: ownPrefix + "/createDevice", kind: changes, run: h.createDevice},
		{name: string(auth.ListDevices), path: ownPrefix + "/listDevices", run: h.listDevices},
		{name: string(auth.UpdateDevice), path: ownPrefix + "/updateDevice", kind: changes, run: h.updateDevice},
		{name: string(auth.DeleteDevice), path: ownPrefix + "/deleteDevice", kind: changes, run: h.deleteDevice},
	}
}

const (
	// maxDevicesPerPage is the most that a page of ListDevices holds, and what it
	// holds unless the caller wants less.
	maxDevicesPerPage = 1000

	defaultDeviceDays = 3650
	maxDeviceDays     = 7300
)

// A deviceInfo is how a device is shown.
type deviceInfo struct {
	Name      string         `json:"DeviceName"`
	Status    string         `json:"Status"`
	Streams   []string       `json:"Streams"`
	RoleAlias string         `json:"RoleAlias"`
	Serial    string         `json:"SerialNumber"`
	Print     string         `json:"Fingerprint"`
	Created   wire.Timestamp `json:"CreationTime"`
	Creator   string         `json:"CreatedBy"`
	Expires   wire.Timestamp `json:"ExpirationTime"`
}

func newDeviceInfo(d device.Device) deviceInfo {
	info := deviceInfo{
		Name: d.Name, Status: keyEnabled, Streams: d.Streams, RoleAlias: d.RoleAlias, Serial: d.Serial, Print: d.Fingerprint,
		Created: wire.Timestamp{Time: d.Created}, Creator: d.Creator, Expires: wire.Timestamp{Time: d.NotAfter},
	}
	if d.Disabled {
		info.Status = keyDisabled
	}
	return info
}

type createDeviceInput struct {
	Name      *string  `json:"DeviceName"`
	Request   *string  `json:"CertificateRequest"` // PEM
	Streams   []string `json:"Streams"`
	RoleAlias string   `json:"RoleAlias"`
	Days      int32    `json:"ValidityInDays"`
}

type createDeviceOutput struct {
	Device      deviceInfo `json:"Device"`
	Certificate string     `json:"CertificatePem"`
	Authority   string     `json:"AuthorityPem,omitempty"` // that the device has to trust; empty if it is one that all know
	Endpoint    string     `json:"CredentialsEndpoint"`    // host, and port if need be
}

// createDevice makes a device, and the certificate that was requested for it.
func (h *Handler) createDevice(ctx context.Context, c *call) (any, error) {
	in := createDeviceInput{RoleAlias: defaultAlias, Days: defaultDeviceDays}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	name := found.deviceID(in.Name)
	if in.Request == nil {
		found.missing("certificateRequest")
	}
	found.number("validityInDays", in.Days, 1, maxDeviceDays)
	if err := found.err(); err != nil {
		return nil, err
	}
	c.subject = name
	if err := auth.Authorize(c.principal, auth.CreateDevice, "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	if len(in.Streams) == 0 {
		in.Streams = []string{name}
	}
	if err := mayGovern(c.principal, auth.CreateDevice, name, in.Streams); err != nil {
		return nil, err
	}
	if err := h.haveDevices(); err != nil {
		return nil, err
	}
	d, pem, err := h.config.Devices.Create(ctx, device.Spec{
		Name: name, Streams: in.Streams, RoleAlias: in.RoleAlias, Request: []byte(*in.Request),
		Life: time.Duration(in.Days) * 24 * time.Hour, Creator: c.principal.KeyID,
	})
	if err != nil {
		return nil, explainDevice(err, name)
	}
	return createDeviceOutput{
		Device: newDeviceInfo(d), Certificate: string(pem), Authority: string(h.config.Authority), Endpoint: h.credentialsEndpoint(c),
	}, nil
}

// defaultAlias is the role alias of a device that names none.
const defaultAlias = "camera"

// credentialsEndpoint is what clients of AWS IoT call so: a host, without scheme.
func (h *Handler) credentialsEndpoint(c *call) string {
	u, err := url.Parse(h.dataEndpoint(c.request))
	if err != nil {
		return c.request.Host
	}
	return u.Host
}

// deviceID checks a required name of a device.
func (c *checks) deviceID(value *string) string {
	switch {
	case value == nil:
		c.missing("deviceName")
		return ""
	case !certs.ValidDeviceName(*value):
		c.fail("deviceName", *value, "Member must be 1 to %d characters of [a-zA-Z0-9_.-]", certs.MaxDeviceName)
	}
	return *value
}

// haveDevices is the refusal of a server that has no authority for them.
func (h *Handler) haveDevices() error {
	if h.config.Devices == nil {
		return millrace.Errorf(millrace.CodeUnsupported, "Devices need a server that speaks TLS. Start it with --tls-auto.")
	}
	return nil
}

// mayGovern asks whether a principal has all that a device with these streams
// gets.
func mayGovern(p auth.Principal, action auth.Action, name string, streams []string) error {
	if scope := device.Scope(streams); !p.MayGrant(scope) {
		return millrace.Errorf(millrace.CodeAccessDenied,
			"User: %s is not authorized to perform: kinesisvideo:%s on resource: %s because the device has or would have a scope that is not within the caller's",
			p.ARN, action, name)
	}
	return nil
}

// explainDevice turns an error of the layers below into what a client is told.
func explainDevice(err error, name string) error {
	refusal := func(code millrace.Code, format string, args ...any) error {
		e := millrace.Errorf(code, format, args...)
		e.Err = err
		return e
	}
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		return refusal(millrace.CodeNotFound, "The device %s does not exist.", name)
	case errors.Is(err, millrace.ErrExists):
		return refusal(millrace.CodeInUse, "The device %s already exists.", name)
	case errors.Is(err, certs.ErrRequest):
		return refusal(millrace.CodeInvalidArgument, "The certificate request cannot be granted")
	case errors.Is(err, device.ErrNoAlias):
		return refusal(millrace.CodeInvalidArgument, "The role alias does not exist")
	case errors.Is(err, auth.ErrTooLong):
		return refusal(millrace.CodeInvalidArgument, "The patterns of streams are too long for a device")
	case errors.Is(err, millrace.ErrInvalid):
		return refusal(millrace.CodeInvalidArgument, "The patterns of streams are not such, or more than %d", device.MaxStreams)
	}
	return err
}
