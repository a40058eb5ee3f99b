select
    engagementId as engagement_id,
    subject,
    body,
    `status` as status,
    {{ ms_to_datetime('completionDate') }} as completed_at,
    taskType as task_type,
    priority,
    forObjectType as for_object_type,
    isAllDay as is_all_day,
    reminders,
    sendDefaultReminder as send_default_reminder,
    sequenceStepOrder as sequence_step_order,
    extra
from {{ source('hubspot', 'engagement_tasks') }}
