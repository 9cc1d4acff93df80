package millrace.interop;

import java.util.Objects;
import java.util.concurrent.Callable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/** What the programs for the SDK v2 expect of a server. */
final class Check {
    private Check() {}

    static void same(String what, Object want, Object got) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError(what + " is " + got + ", want " + want);
        }
    }

    static void that(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError("it does not hold that " + what);
        }
    }

    /** The call fails with this very exception, which carries all that an exception of AWS carries. */
    static <E extends AwsServiceException> void fails(Class<E> type, int status, Callable<?> call) {
        try {
            Object answer = call.call();
            throw new AssertionError("answered " + answer + ", want " + type.getSimpleName());
        } catch (AwsServiceException e) {
            same("exception of \"" + e.getMessage() + "\"", type, e.getClass());
            same("status", status, e.statusCode());
            same("code", type.getSimpleName(), e.awsErrorDetails().errorCode());
            that("there is a message", !e.awsErrorDetails().errorMessage().isEmpty());
            that("there is a request id", e.requestId() != null);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** The call fails with an exception for which the SDK has no type, of this code. */
    static void failsUntyped(String code, int status, Callable<?> call) {
        try {
            Object answer = call.call();
            throw new AssertionError("answered " + answer + ", want " + code);
        } catch (AwsServiceException e) {
            same("code of \"" + e.getMessage() + "\"", code, e.awsErrorDetails().errorCode());
            same("status", status, e.statusCode());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
