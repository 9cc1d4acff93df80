//go:build interop

package interop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo"
	"github.com/aws/aws-sdk-go-v2/service/kinesisvideo/types"
	"github.com/aws/smithy-go"
)

func (r *rig) sdkConfig(t *testing.T) aws.Config {
	t.Helper()
	client, err := r.httpClient()
	must(t, err)
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(r.url),
		HTTPClient:   client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, nil
		}),
	}
}

// TestGoSDKWalksAStreamsLife: create, describe, list, update, tag in both
// ways, change retention, ask for endpoints, delete.
func TestGoSDKWalksAStreamsLife(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		kv := kinesisvideo.NewFromConfig(r.sdkConfig(t))
		name := "go-sdk.life_1"

		created, err := kv.CreateStream(ctx, &kinesisvideo.CreateStreamInput{
			StreamName: &name, DataRetentionInHours: aws.Int32(2), MediaType: aws.String("video/h264,audio/aac"),
			DeviceName: aws.String("door"), Tags: map[string]string{"site": "Köln", "empty": ""},
		})
		must(t, err)
		arn := *created.StreamARN

		info := describe(t, kv, name)
		if *info.StreamARN != arn || info.Status != types.StatusActive || *info.DataRetentionInHours != 2 ||
			aws.ToString(info.MediaType) != "video/h264,audio/aac" || aws.ToString(info.DeviceName) != "door" {
			t.Errorf("described as %+v", info)
		}
		if want := fmt.Sprintf("/%s/%d", name, info.CreationTime.UnixMilli()); !strings.HasSuffix(arn, want) {
			t.Errorf("ARN %s does not end in %s", arn, want)
		}

		_, err = kv.UpdateStream(ctx, &kinesisvideo.UpdateStreamInput{
			StreamARN: &arn, CurrentVersion: info.Version, MediaType: aws.String("video/h265"),
		})
		must(t, err)
		updated := describe(t, kv, name)
		if aws.ToString(updated.MediaType) != "video/h265" || *updated.Version == *info.Version {
			t.Errorf("after the update: %+v", updated)
		}

		_, err = kv.UpdateDataRetention(ctx, &kinesisvideo.UpdateDataRetentionInput{
			StreamName: &name, CurrentVersion: updated.Version,
			Operation: types.UpdateDataRetentionOperationIncreaseDataRetention, DataRetentionChangeInHours: aws.Int32(22),
		})
		must(t, err)
		kept := describe(t, kv, name)
		if *kept.DataRetentionInHours != 24 {
			t.Errorf("retention is %d hours, want 24", *kept.DataRetentionInHours)
		}
		_, err = kv.UpdateDataRetention(ctx, &kinesisvideo.UpdateDataRetentionInput{
			StreamName: &name, CurrentVersion: kept.Version,
			Operation: types.UpdateDataRetentionOperationDecreaseDataRetention, DataRetentionChangeInHours: aws.Int32(23),
		})
		must(t, err)

		for _, api := range types.APIName("").Values() {
			ep, err := kv.GetDataEndpoint(ctx, &kinesisvideo.GetDataEndpointInput{StreamName: &name, APIName: api})
			must(t, err)
			if *ep.DataEndpoint != r.url {
				t.Errorf("endpoint of %s is %s, want %s", api, *ep.DataEndpoint, r.url)
			}
		}

		checkTags(t, kv, arn, map[string]string{"site": "Köln", "empty": ""})
		_, err = kv.TagStream(ctx, &kinesisvideo.TagStreamInput{StreamName: &name, Tags: map[string]string{"site": "Bonn", "floor": "2"}})
		must(t, err)
		_, err = kv.UntagStream(ctx, &kinesisvideo.UntagStreamInput{StreamARN: &arn, TagKeyList: []string{"empty", "never-there"}})
		must(t, err)
		_, err = kv.TagResource(ctx, &kinesisvideo.TagResourceInput{
			ResourceARN: &arn, Tags: []types.Tag{{Key: aws.String("room"), Value: aws.String("7")}},
		})
		must(t, err)
		_, err = kv.UntagResource(ctx, &kinesisvideo.UntagResourceInput{ResourceARN: &arn, TagKeyList: []string{"floor"}})
		must(t, err)
		checkTags(t, kv, arn, map[string]string{"site": "Bonn", "room": "7"})

		_, err = kv.DeleteStream(ctx, &kinesisvideo.DeleteStreamInput{StreamARN: &arn, CurrentVersion: describe(t, kv, name).Version})
		must(t, err)
		if again, err := kv.DescribeStream(ctx, &kinesisvideo.DescribeStreamInput{StreamName: &name}); err == nil {
			if again.StreamInfo.Status != types.StatusDeleting {
				t.Errorf("a deleted stream is %s", again.StreamInfo.Status)
			}
		} else {
			wantError[*types.ResourceNotFoundException](t, "describe what was deleted", err)
		}
	})
}

func describe(t *testing.T, kv *kinesisvideo.Client, name string) types.StreamInfo {
	t.Helper()
	out, err := kv.DescribeStream(t.Context(), &kinesisvideo.DescribeStreamInput{StreamName: &name})
	must(t, err)
	return *out.StreamInfo
}

// checkTags reads the tags in both ways.
func checkTags(t *testing.T, kv *kinesisvideo.Client, arn string, want map[string]string) {
	t.Helper()
	byStream, err := kv.ListTagsForStream(t.Context(), &kinesisvideo.ListTagsForStreamInput{StreamARN: &arn})
	must(t, err)
	byResource, err := kv.ListTagsForResource(t.Context(), &kinesisvideo.ListTagsForResourceInput{ResourceARN: &arn})
	must(t, err)
	if !maps.Equal(byStream.Tags, want) || !maps.Equal(byResource.Tags, want) {
		t.Errorf("tags are %v and %v, want %v", byStream.Tags, byResource.Tags, want)
	}
}

// TestGoSDKPagesThroughStreams: the SDK's own paginator, with and without a
// condition, in pages of three.
func TestGoSDKPagesThroughStreams(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		kv := kinesisvideo.NewFromConfig(r.sdkConfig(t))
		var want []string
		for i := range 10 {
			name := fmt.Sprintf("go-sdk-page-%02d", i)
			_, err := kv.CreateStream(t.Context(), &kinesisvideo.CreateStreamInput{StreamName: &name})
			must(t, err)
			want = append(want, name)
		}
		var got []string
		pages := kinesisvideo.NewListStreamsPaginator(kv, &kinesisvideo.ListStreamsInput{
			MaxResults: aws.Int32(3),
			StreamNameCondition: &types.StreamNameCondition{
				ComparisonOperator: types.ComparisonOperatorBeginsWith, ComparisonValue: aws.String("go-sdk-page-"),
			},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			must(t, err)
			if len(page.StreamInfoList) > 3 {
				t.Errorf("a page of %d", len(page.StreamInfoList))
			}
			for _, info := range page.StreamInfoList {
				got = append(got, *info.StreamName)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("listed %q, want %q", got, want)
		}
		all, err := kv.ListStreams(t.Context(), &kinesisvideo.ListStreamsInput{})
		must(t, err)
		if len(all.StreamInfoList) < len(want) || all.NextToken != nil {
			t.Errorf("one page lists %d streams, next token %v", len(all.StreamInfoList), all.NextToken)
		}
	})
}

// TestGoSDKGetsTypedErrors: each mistake arrives as the type that the SDK's
// model has for it.
func TestGoSDKGetsTypedErrors(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		kv := kinesisvideo.NewFromConfig(r.sdkConfig(t))
		name, gone, bad := aws.String("go-sdk-errors"), aws.String("go-sdk-nobody"), aws.String("no/slashes")
		created, err := kv.CreateStream(ctx, &kinesisvideo.CreateStreamInput{StreamName: name})
		must(t, err)
		arn, version := created.StreamARN, describe(t, kv, *name).Version
		reborn := aws.String((*arn)[:strings.LastIndex(*arn, "/")] + "/1234567890123")
		stale := aws.String("stale00000000000000x")
		many := map[string]string{}
		for i := range 50 {
			many[fmt.Sprint("key", i)] = ""
		}
		increase := types.UpdateDataRetentionOperationIncreaseDataRetention
		decrease := types.UpdateDataRetentionOperationDecreaseDataRetention

		check := func(what string, err error, want func(*testing.T, string, error)) {
			t.Helper()
			want(t, what, err)
		}
		notFound, invalid := wantError[*types.ResourceNotFoundException], wantError[*types.InvalidArgumentException]
		inUse, mismatch := wantError[*types.ResourceInUseException], wantError[*types.VersionMismatchException]
		tooManyTags := wantError[*types.TagsPerResourceExceededLimitException]

		_, err = kv.CreateStream(ctx, &kinesisvideo.CreateStreamInput{StreamName: name})
		check("create twice", err, inUse)
		_, err = kv.CreateStream(ctx, &kinesisvideo.CreateStreamInput{StreamName: bad})
		check("create with a slash", err, invalid)
		_, err = kv.CreateStream(ctx, &kinesisvideo.CreateStreamInput{StreamName: gone, DataRetentionInHours: aws.Int32(87601)})
		check("create for more than ten years", err, invalid)
		_, err = kv.DescribeStream(ctx, &kinesisvideo.DescribeStreamInput{StreamName: gone})
		check("describe nobody", err, notFound)
		_, err = kv.DescribeStream(ctx, &kinesisvideo.DescribeStreamInput{StreamARN: reborn})
		check("describe another life", err, notFound)
		_, err = kv.DescribeStream(ctx, &kinesisvideo.DescribeStreamInput{})
		check("describe nothing", err, invalid)
		_, err = kv.ListStreams(ctx, &kinesisvideo.ListStreamsInput{NextToken: aws.String("bm9ib2R5IG1hZGUgdGhpcw==")})
		check("list from a made-up token", err, invalid)
		_, err = kv.ListStreams(ctx, &kinesisvideo.ListStreamsInput{MaxResults: aws.Int32(10001)})
		check("list too many", err, invalid)
		_, err = kv.UpdateStream(ctx, &kinesisvideo.UpdateStreamInput{StreamName: name, CurrentVersion: stale})
		check("update a stale version", err, mismatch)
		_, err = kv.UpdateStream(ctx, &kinesisvideo.UpdateStreamInput{StreamName: gone, CurrentVersion: version})
		check("update nobody", err, notFound)
		_, err = kv.UpdateDataRetention(ctx, &kinesisvideo.UpdateDataRetentionInput{
			StreamName: name, CurrentVersion: stale, Operation: increase, DataRetentionChangeInHours: aws.Int32(1),
		})
		check("retain a stale version", err, mismatch)
		_, err = kv.UpdateDataRetention(ctx, &kinesisvideo.UpdateDataRetentionInput{
			StreamName: name, CurrentVersion: version, Operation: decrease, DataRetentionChangeInHours: aws.Int32(1),
		})
		check("retain less than nothing", err, invalid)
		_, err = kv.GetDataEndpoint(ctx, &kinesisvideo.GetDataEndpointInput{StreamName: gone, APIName: types.APINamePutMedia})
		check("an endpoint for nobody", err, notFound)
		_, err = kv.GetDataEndpoint(ctx, &kinesisvideo.GetDataEndpointInput{StreamName: name, APIName: "PUT_SOMETHING"})
		check("an endpoint for nothing", err, invalid)
		_, err = kv.TagStream(ctx, &kinesisvideo.TagStreamInput{StreamName: gone, Tags: map[string]string{"a": "b"}})
		check("tag nobody", err, notFound)
		_, err = kv.TagStream(ctx, &kinesisvideo.TagStreamInput{StreamName: name, Tags: map[string]string{"aws:a": "b"}})
		check("tag with a reserved key", err, invalid)
		_, err = kv.TagStream(ctx, &kinesisvideo.TagStreamInput{StreamName: name, Tags: many})
		must(t, err)
		_, err = kv.TagStream(ctx, &kinesisvideo.TagStreamInput{StreamName: name, Tags: map[string]string{"one": "more"}})
		check("tag once more", err, tooManyTags)
		_, err = kv.TagResource(ctx, &kinesisvideo.TagResourceInput{
			ResourceARN: arn, Tags: []types.Tag{{Key: aws.String("one"), Value: aws.String("more")}},
		})
		check("tag once more, as a resource", err, tooManyTags)
		_, err = kv.TagStream(ctx, &kinesisvideo.TagStreamInput{StreamARN: aws.String("arn:aws:s3:::bucket"), Tags: map[string]string{"a": "b"}})
		check("tag a bucket", err, wantError[*types.InvalidResourceFormatException])
		_, err = kv.UntagStream(ctx, &kinesisvideo.UntagStreamInput{StreamName: gone, TagKeyList: []string{"a"}})
		check("untag nobody", err, notFound)
		_, err = kv.UntagResource(ctx, &kinesisvideo.UntagResourceInput{ResourceARN: reborn, TagKeyList: []string{"a"}})
		check("untag another life", err, notFound)
		_, err = kv.ListTagsForStream(ctx, &kinesisvideo.ListTagsForStreamInput{StreamName: gone})
		check("list tags of nobody", err, notFound)
		_, err = kv.ListTagsForResource(ctx, &kinesisvideo.ListTagsForResourceInput{ResourceARN: reborn})
		check("list tags of another life", err, notFound)
		_, err = kv.DeleteStream(ctx, &kinesisvideo.DeleteStreamInput{StreamARN: reborn})
		check("delete another life", err, notFound)
		_, err = kv.DeleteStream(ctx, &kinesisvideo.DeleteStreamInput{StreamARN: arn, CurrentVersion: stale})
		check("delete a stale version", err, mismatch)
	})
}

// TestGoSDKIsToldWhyItMayNot: a wrong secret and an unknown key.
func TestGoSDKIsToldWhyItMayNot(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		cases := []struct{ name, id, secret, code string }{
			{"a wrong secret", accessKey, "not the secret", "InvalidSignatureException"},
			{"an unknown key", "AKIANOBODY0000000000", secretKey, "UnrecognizedClientException"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				cfg := r.sdkConfig(t)
				cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret}, nil
				})
				_, err := kinesisvideo.NewFromConfig(cfg).ListStreams(t.Context(), &kinesisvideo.ListStreamsInput{})
				var api smithy.APIError
				if !errors.As(err, &api) || api.ErrorCode() != c.code {
					t.Errorf("error is %v, want %s", err, c.code)
				}
			})
		}
	})
}

func wantError[E error](t *testing.T, what string, err error) {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("%s: error is %v, want a %T", what, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
