//go:build interop

package interop

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/smithy-go"
)

// TestGoSDKKeepsConfigurations: what stands beside a stream comes back as it
// was given, and channels are refused as what is not supported.
func TestGoSDKKeepsConfigurations(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		ctx, kv, name := t.Context(), kinesisvideo.NewFromConfig(r.sdkConfig(t)), aws.String("go-sdk-configured")
		created, err := kv.CreateStream(ctx, &kinesisvideo.CreateStreamInput{StreamName: name, DataRetentionInHours: aws.Int32(24)})
		must(t, err)
		home := strings.Split(*created.StreamARN, ":")[3]

		notification := &types.NotificationConfiguration{
			Status:            types.ConfigurationStatusEnabled,
			DestinationConfig: &types.NotificationDestinationConfig{Uri: aws.String("sns://arn:aws:sns:us-east-1:123456789012:door")},
		}
		_, err = kv.UpdateNotificationConfiguration(ctx, &kinesisvideo.UpdateNotificationConfigurationInput{StreamName: name, NotificationConfiguration: notification})
		must(t, err)
		notified, err := kv.DescribeNotificationConfiguration(ctx, &kinesisvideo.DescribeNotificationConfigurationInput{StreamARN: created.StreamARN})
		must(t, err)
		same(t, notified.NotificationConfiguration, notification)

		images := &types.ImageGenerationConfiguration{
			Status: types.ConfigurationStatusEnabled, ImageSelectorType: types.ImageSelectorTypeServerTimestamp,
			DestinationConfig: &types.ImageGenerationDestinationConfig{Uri: aws.String("s3://bucket/path"), DestinationRegion: &home},
			SamplingInterval:  aws.Int32(3000), Format: types.FormatJpeg, FormatConfig: map[string]string{"JPEGQuality": "80"},
		}
		_, err = kv.UpdateImageGenerationConfiguration(ctx, &kinesisvideo.UpdateImageGenerationConfigurationInput{StreamName: name, ImageGenerationConfiguration: images})
		must(t, err)
		imaged, err := kv.DescribeImageGenerationConfiguration(ctx, &kinesisvideo.DescribeImageGenerationConfigurationInput{StreamName: name})
		must(t, err)
		same(t, imaged.ImageGenerationConfiguration, images)

		storage := &types.StreamStorageConfiguration{DefaultStorageTier: types.DefaultStorageTierWarm}
		_, err = kv.UpdateStreamStorageConfiguration(ctx, &kinesisvideo.UpdateStreamStorageConfigurationInput{
			StreamName: name, CurrentVersion: describe(t, kv, *name).Version, StreamStorageConfiguration: storage,
		})
		must(t, err)
		stored, err := kv.DescribeStreamStorageConfiguration(ctx, &kinesisvideo.DescribeStreamStorageConfigurationInput{StreamName: name})
		must(t, err)
		same(t, stored.StreamStorageConfiguration, storage)

		checkEdge(t, kv, *name)

		_, err = kv.DescribeMediaStorageConfiguration(ctx, &kinesisvideo.DescribeMediaStorageConfigurationInput{ChannelName: name})
		wantError[*types.ResourceNotFoundException](t, "the storage of a channel", err)
		_, err = kv.CreateSignalingChannel(ctx, &kinesisvideo.CreateSignalingChannelInput{ChannelName: name})
		var refusal smithy.APIError
		if !errors.As(err, &refusal) || refusal.ErrorCode() != "UnsupportedOperationException" {
			t.Errorf("create a channel: %v", err)
		}
	})
}

func checkEdge(t *testing.T, kv *kinesisvideo.Client, name string) {
	t.Helper()
	ctx, hub := t.Context(), aws.String("arn:aws:iot:us-east-1:123456789012:thing/go-sdk")
	edge := &types.EdgeConfig{HubDeviceArn: hub, RecorderConfig: &types.RecorderConfig{MediaSourceConfig: &types.MediaSourceConfig{
		MediaUriSecretArn: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:door"), MediaUriType: types.MediaUriTypeRtspUri,
	}}}
	_, err := kv.StartEdgeConfigurationUpdate(ctx, &kinesisvideo.StartEdgeConfigurationUpdateInput{StreamName: &name, EdgeConfig: edge})
	must(t, err)
	described, err := kv.DescribeEdgeConfiguration(ctx, &kinesisvideo.DescribeEdgeConfigurationInput{StreamName: &name})
	must(t, err)
	same(t, described.EdgeConfig, edge)
	page, err := kinesisvideo.NewListEdgeAgentConfigurationsPaginator(kv, &kinesisvideo.ListEdgeAgentConfigurationsInput{HubDeviceArn: hub}).NextPage(ctx)
	must(t, err)
	if len(page.EdgeConfigs) != 1 || *page.EdgeConfigs[0].StreamName != name {
		t.Errorf("the hub has %+v", page.EdgeConfigs)
	}
	_, err = kv.DeleteEdgeConfiguration(ctx, &kinesisvideo.DeleteEdgeConfigurationInput{StreamName: &name})
	must(t, err)
	_, err = kv.DescribeEdgeConfiguration(ctx, &kinesisvideo.DescribeEdgeConfigurationInput{StreamName: &name})
	wantError[*types.StreamEdgeConfigurationNotFoundException](t, "describe what was deleted", err)
}

func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
