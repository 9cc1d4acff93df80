package api

import (
	"context"

	"github.com/millrace/millrace/internal/auth"
)

type listDevicesInput struct {
	MaxResults *int32 `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}

type listDevicesOutput struct {
	List      []deviceInfo `json:"DeviceList"`
	NextToken string       `json:"NextToken,omitempty"`
}

// listDevicesDomain is what the tokens of ListDevices are good for.
const listDevicesDomain = "ListDevices"

// listDevices lists all devices in the order of their names.
func (h *Handler) listDevices(ctx context.Context, c *call) (any, error) {
	var in listDevicesInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	limit := maxDevicesPerPage
	if in.MaxResults != nil {
		found.number("maxResults", *in.MaxResults, 1, maxDevicesPerPage)
		limit = int(*in.MaxResults)
	}
	found.nextToken(in.NextToken)
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, auth.ListDevices, "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	if err := h.haveDevices(); err != nil {
		return nil, err
	}
	after, err := h.tokens.read(in.NextToken, listDevicesDomain)
	if err != nil {
		return nil, err
	}
	devices, err := h.config.Devices.List(ctx, after, limit+1)
	if err != nil {
		return nil, err
	}
	out := listDevicesOutput{List: make([]deviceInfo, 0, len(devices))}
	for i, d := range devices {
		if i == limit {
			out.NextToken = h.tokens.make(listDevicesDomain, devices[i-1].Name)
			break
		}
		out.List = append(out.List, newDeviceInfo(d))
	}
	return out, nil
}
