"""The form of our lit tests."""

import lit.formats
import lit.Test


class StrictShTest(lit.formats.ShTest):
    """A test that does not run is a failure: what a test needs, the build has to bring."""

    def execute(self, test, litConfig):
        result = super().execute(test, litConfig)
        if isinstance(result, lit.Test.Result) and result.code in (
            lit.Test.UNSUPPORTED,
            lit.Test.SKIPPED,
        ):
            return lit.Test.Result(lit.Test.FAIL, "this test was not run: " + result.output)
        return result
