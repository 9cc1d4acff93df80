package millrace.interop;

import com.amazonaws.AmazonServiceException;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoPutMedia;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoPutMediaClient;
import com.amazonaws.services.kinesisvideo.PutMediaAckResponseHandler;
import com.amazonaws.services.kinesisvideo.model.AckEvent;
import com.amazonaws.services.kinesisvideo.model.PutMediaRequest;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Date;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Uploads files with the PutMedia client of the SDK for Java v1, one session for each argument
 * "STREAM,ABSOLUTE|RELATIVE,SECONDS,FILE": the file is spread over so many seconds, or sent as
 * fast as it goes with 0. The sessions run at the same time.
 */
public final class Put {
    private static final long PATIENCE_SECONDS = 110;

    private Put() {}

    public static void main(String[] sessions) throws Exception {
        CountDownLatch open = new CountDownLatch(sessions.length);
        for (String session : sessions) {
            String[] part = session.split(",", 4);
            Path file = Path.of(part[3]);
            start(part[0], part[1], paced(file, Integer.parseInt(part[2])), open);
        }
        if (!open.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException(open.getCount() + " sessions have not ended");
        }
        System.exit(0); // the clients' threads are no daemons
    }

    private static void start(String stream, String timecodes, InputStream media, CountDownLatch open) {
        AmazonKinesisVideoPutMedia client = AmazonKinesisVideoPutMediaClient.builder()
                .withEndpoint(V1.ENDPOINT)
                .withRegion(V1.REGION)
                .withCredentials(V1.CREDENTIALS)
                .withNumberOfThreads(1)
                .build();
        client.putMedia(
                new PutMediaRequest()
                        .withStreamName(stream)
                        .withFragmentTimecodeType(timecodes)
                        .withProducerStartTimestamp(new Date())
                        .withPayload(media),
                new PutMediaAckResponseHandler() {
                    @Override
                    public void onAckEvent(AckEvent ack) {
                        Out.line("stream", stream, "ack", ack.getAckEventType().toString(), "fragment", ack.getFragmentNumber(),
                                "timecode", ack.getFragmentTimecode(),
                                "error", ack.getErrorCode() == null ? null : ack.getErrorCode().toString());
                    }

                    @Override
                    public void onFailure(Throwable t) {
                        int status = t instanceof AmazonServiceException ? ((AmazonServiceException) t).getStatusCode() : 0;
                        Out.line("stream", stream, "failure", t.getClass().getSimpleName(), "status", status, "message", t.toString());
                        open.countDown();
                    }

                    @Override
                    public void onComplete() {
                        Out.line("stream", stream, "complete", true);
                        open.countDown();
                    }
                });
    }

    /** Gives a file in steps of a twentieth of a second. */
    private static InputStream paced(Path file, int seconds) throws IOException {
        InputStream in = new FileInputStream(file.toFile());
        if (seconds == 0) {
            return in;
        }
        long size = Files.size(file);
        return new InputStream() {
            private long began;
            private long given;

            /** How much of the file is due, from the first question on. */
            private long due() {
                if (began == 0) {
                    began = System.nanoTime();
                }
                return Math.min(size, size * ((System.nanoTime() - began) / 50_000_000 + 1) / (20L * seconds));
            }

            @Override
            public int available() {
                return (int) (due() - given);
            }

            @Override
            public int read(byte[] to, int offset, int length) throws IOException {
                while (given < size && due() <= given) {
                    pause();
                }
                int n = in.read(to, offset, given < size ? (int) Math.min(length, due() - given) : length);
                given += Math.max(n, 0);
                return n;
            }

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public void close() throws IOException {
                in.close();
            }

            private void pause() throws IOException {
                try {
                    Thread.sleep(10);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        };
    }
}
