select
    engagementId as engagement_id,
    attachmentId as attachment_id,
    extra
from {{ source('hubspot', 'engagement_attachments') }}
