"""One voice per customer: sends the letters that are due, each once."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.letter_sending import LetterSendingActivities, LetterTally

from workflows.case_runtime.activity_options import SELECT_LETTERS_OPTIONS, SEND_LETTERS_OPTIONS


@workflow.defn
class CorrespondenceRun:
    """Started by a schedule, never twice at a time; were it started twice all the same, a letter would still go once."""

    @workflow.run
    async def run(self) -> LetterTally:
        total = LetterTally()
        while letters := await workflow.execute_activity_method(LetterSendingActivities.select_letters, **SELECT_LETTERS_OPTIONS):
            tally = await workflow.execute_activity_method(LetterSendingActivities.send_letters, letters, **SEND_LETTERS_OPTIONS)
            total = total + tally
            if tally == LetterTally():
                break
        await workflow.execute_activity_method(LetterSendingActivities.notify_cases, **SEND_LETTERS_OPTIONS)
        return total
