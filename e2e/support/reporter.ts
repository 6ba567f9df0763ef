// Prints a line for each failure and ends with the line that a CI counts.
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class Lines implements Reporter {
  private passed = 0;
  private failed = 0;
  private skipped = 0;

  onTestEnd(test: TestCase, result: TestResult): void {
    const name = test.titlePath().filter(Boolean).join(" › ");
    if (result.status === "passed") {
      this.passed += 1;
    } else if (result.status === "skipped") {
      this.skipped += 1;
    } else {
      this.failed += 1;
      console.log(`FAILED ${name}`);
      for (const error of result.errors) console.log(error.stack ?? error.message ?? error.value);
      for (const file of result.attachments) if (file.path) console.log(`  ${file.name}: ${file.path}`);
    }
  }

  onError(error: { message?: string; stack?: string }): void {
    this.failed += 1;
    console.log(error.stack ?? error.message);
  }

  onEnd(_: FullResult): void {
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : "";
    console.log(`${this.passed} passed, ${this.failed} failed${skipped}`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
