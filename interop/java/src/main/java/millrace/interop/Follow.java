package millrace.interop;

import com.amazonaws.kinesisvideo.parser.ebml.MkvTypeInfos;
import com.amazonaws.kinesisvideo.parser.examples.ContinuousGetMediaWorker;
import com.amazonaws.kinesisvideo.parser.mkv.MkvElementVisitException;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.CountVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.consumer.FragmentMetadataCallback;
import com.amazonaws.kinesisvideo.parser.utilities.consumer.GetMediaResponseStreamConsumer;
import com.amazonaws.kinesisvideo.parser.utilities.consumer.GetMediaResponseStreamConsumerFactory;
import com.amazonaws.services.kinesisvideo.model.StartSelector;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Follows STREAM with ContinuousGetMediaWorkers of the parser library, one for each further
 * argument, which is NOW, EARLIEST or the number of the fragment after which to begin. They stop
 * when standard input has ended and with it their response. Each response and each fragment is a
 * line.
 */
public final class Follow {
    private Follow() {}

    public static void main(String[] args) throws Exception {
        List<ContinuousGetMediaWorker> workers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (String from : Arrays.asList(args).subList(1, args.length)) {
            ContinuousGetMediaWorker worker = worker(args[0], from);
            Thread thread = new Thread(worker);
            thread.start();
            workers.add(worker);
            threads.add(thread);
        }
        while (System.in.read() >= 0) {
            // only its end says something
        }
        workers.forEach(ContinuousGetMediaWorker::stop);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static ContinuousGetMediaWorker worker(String stream, String from) {
        AtomicInteger responses = new AtomicInteger();
        return ContinuousGetMediaWorker.create(V1.REGION, V1.CREDENTIALS, stream, selector(from), V1.control(),
                new GetMediaResponseStreamConsumerFactory() {
                    @Override
                    public GetMediaResponseStreamConsumer createConsumer() {
                        return new Consumer(from, responses.incrementAndGet());
                    }
                });
    }

    private static StartSelector selector(String what) {
        if (what.equals("NOW") || what.equals("EARLIEST")) {
            return new StartSelector().withStartSelectorType(what);
        }
        return new StartSelector().withStartSelectorType("FRAGMENT_NUMBER").withAfterFragmentNumber(what);
    }

    private static final class Consumer extends GetMediaResponseStreamConsumer {
        private final String from;
        private final int response;

        Consumer(String from, int response) {
            this.from = from;
            this.response = response;
            Out.line("from", from, "response", response);
        }

        @Override
        public void process(InputStream media, FragmentMetadataCallback progress) throws MkvElementVisitException, IOException {
            CountVisitor blocks = CountVisitor.create(MkvTypeInfos.SIMPLEBLOCK);
            int[] before = {0};
            processWithFragmentEndCallbacks(media, fragment -> {
                int seen = blocks.getCount(MkvTypeInfos.SIMPLEBLOCK);
                Out.line("from", from, "response", response, "fragment", fragment.getFragmentNumberString(), "blocks", seen - before[0],
                        "complete", fragment.isCompleteFragment());
                before[0] = seen;
                progress.call(fragment);
            }, blocks);
        }
    }
}
