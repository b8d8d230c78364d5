"""Personal values as those see them who lack the right; the rules are those of mapsvc.masking."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Regular expressions only where a look at the length does not tell: this runs for every value.
MASKED = """
create function personal_part(part text, phone boolean) returns text
language sql immutable parallel safe as $$
    select case
        when not phone then left(part, 1) || '**'
        when length(part) = 11 and part ~ '^1[0-9]{10}$'
            then left(part, 3) || '****' || right(part, 4)
        when part ~ '^0[0-9]{2,3}-?.*..$'
            then substring(part from '^(0[0-9]{2,3}-?).*..$') || '*****' || right(part, 2)
        when length(part) > 2 then '****' || right(part, 2)
        else '**' end
$$;
create function personal_masked(value jsonb, kind text) returns jsonb
language plpgsql immutable parallel safe strict as $$
declare
    written text;
begin
    case jsonb_typeof(value)
        when 'string' then
            written := value #>> '{}';
            if strpos(written, '、') = 0 then
                return to_jsonb(personal_part(written, kind = 'phone'));
            end if;
            return (select to_jsonb(
                    string_agg(personal_part(part, kind = 'phone'), '、' order by n))
                from unnest(string_to_array(written, '、')) with ordinality as u(part, n));
        when 'array' then
            return (select coalesce(jsonb_agg(personal_masked(part, kind) order by n), '[]')
                from jsonb_array_elements(value) with ordinality as u(part, n));
        when 'null' then
            return value;
        else
            return '"**"';
    end case;
end $$;
"""


def upgrade() -> None:
    op.execute(MASKED)


def downgrade() -> None:
    op.execute(
        "drop function personal_masked(jsonb, text); drop function personal_part(text, boolean)"
    )
