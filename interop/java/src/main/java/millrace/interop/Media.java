package millrace.interop;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.services.kinesisvideo.KinesisVideoClient;
import software.amazon.awssdk.services.kinesisvideo.model.APIName;
import software.amazon.awssdk.services.kinesisvideomedia.KinesisVideoMediaAsyncClient;
import software.amazon.awssdk.services.kinesisvideomedia.KinesisVideoMediaClient;
import software.amazon.awssdk.services.kinesisvideomedia.model.GetMediaResponse;
import software.amazon.awssdk.services.kinesisvideomedia.model.InvalidArgumentException;
import software.amazon.awssdk.services.kinesisvideomedia.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesisvideomedia.model.StartSelector;

/** GetMedia with the SDK for Java v2, of a STREAM of so many FRAGMENTS that nobody feeds. */
public final class Media {
    // The tag's name, the id of its value, a size of four bytes, and 47 digits.
    private static final Pattern NUMBER = Pattern.compile("AWS_KINESISVIDEO_FRAGMENT_NUMBER\u0044\u0087\u0010\u0000\u0000\u002f([0-9]{47})");

    private Media() {}

    public static void main(String[] args) {
        String stream = args[0];
        int count = Integer.parseInt(args[1]);
        URI endpoint = URI.create(KinesisVideoClient.create()
                .getDataEndpoint(r -> r.streamName(stream).apiName(APIName.GET_MEDIA)).dataEndpoint());
        KinesisVideoMediaClient media = KinesisVideoMediaClient.builder().endpointOverride(endpoint).build();

        ResponseBytes<GetMediaResponse> whole = read(media, stream, s -> s.startSelectorType("EARLIEST"));
        Check.same("content type", "video/webm", whole.response().contentType());
        List<String> all = numbers(whole);
        Check.same("number of fragments", count, all.size());
        String middle = all.get(count / 2);
        List<String> rest = all.subList(count / 2 + 1, count);
        CompletableFuture.allOf(
                later(() -> Check.same("fragments after the middle", rest,
                        numbers(read(media, stream, s -> s.startSelectorType("FRAGMENT_NUMBER").afterFragmentNumber(middle))))),
                later(() -> Check.same("fragments after a continuation token", rest,
                        numbers(read(media, stream, s -> s.startSelectorType("CONTINUATION_TOKEN").continuationToken(middle))))),
                later(() -> Check.same("fragments for the asynchronous client", all, numbers(asynchronously(endpoint, stream)))))
                .join();

        Check.fails(ResourceNotFoundException.class, 404, () -> read(media, "nobody", s -> s.startSelectorType("NOW")));
        Check.fails(InvalidArgumentException.class, 400, () -> read(media, stream, s -> s.startSelectorType("FRAGMENT_NUMBER")));
    }

    private static ResponseBytes<GetMediaResponse> read(KinesisVideoMediaClient media, String stream, Consumer<StartSelector.Builder> from) {
        return media.getMediaAsBytes(r -> r.streamName(stream).startSelector(from));
    }

    private static ResponseBytes<GetMediaResponse> asynchronously(URI endpoint, String stream) {
        return KinesisVideoMediaAsyncClient.builder().endpointOverride(endpoint).build().getMedia(
                r -> r.streamName(stream).startSelector(s -> s.startSelectorType("EARLIEST")),
                AsyncResponseTransformer.toBytes()).join();
    }

    /** On a thread of its own, because each response ends only when the server has waited for more. */
    private static CompletableFuture<Void> later(Runnable work) {
        return CompletableFuture.runAsync(work, task -> new Thread(task).start());
    }

    private static List<String> numbers(ResponseBytes<GetMediaResponse> body) {
        List<String> found = new ArrayList<>();
        Matcher matcher = NUMBER.matcher(body.asString(StandardCharsets.ISO_8859_1));
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }
}
