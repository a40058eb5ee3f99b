{# A DATETIME(3) in UTC of a column in Unix ms; NULL outside of the years 1000 to 9999. #}
{% macro ms_to_datetime(column) -%}
cast(case when {{ column }} between -30610224000000 and 253402300799999
    then timestampadd(microsecond, {{ column }} * 1000, '1970-01-01 00:00:00') end as datetime(3))
{%- endmacro %}

{# dbt takes the server's time for UTC, for the age of a source: here it is. #}
{% macro mariadb__current_timestamp() -%}
utc_timestamp()
{%- endmacro %}

{% macro mysql__current_timestamp() -%}
utc_timestamp()
{%- endmacro %}
