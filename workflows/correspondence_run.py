"""One voice per customer: sends the letters that are due, each once."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.correspondence import LetterSending, Tally

from workflows.case_runtime.activity_options import SELECT_LETTERS, SEND_LETTERS


@workflow.defn
class CorrespondenceRun:
    """Started by a schedule, never twice at a time; were it started twice all the same, a letter would still go once."""

    @workflow.run
    async def run(self) -> Tally:
        total = Tally()
        while letters := await workflow.execute_activity_method(LetterSending.select_letters, **SELECT_LETTERS):
            tally = await workflow.execute_activity_method(LetterSending.send_letters, letters, **SEND_LETTERS)
            total = total + tally
            if tally == Tally():
                break
        await workflow.execute_activity_method(LetterSending.tell_cases, **SEND_LETTERS)
        return total
