-- comment: "What the serving version of a model says of inputs: ml.predict('late_delivery', object_construct('promised_hours', 48, …))"
create or replace function ml.predict(model_name varchar, inputs object)
returns object
as
$$
    {{ database }}.ml.score(
        model_name,
        (
            select max(artifacts.artifact)
            from {{ database }}.ml.model_artifacts as artifacts
            inner join {{ database }}.ml.model_versions as versions
                on artifacts.use_case = versions.use_case and artifacts.version = versions.version
            where versions.use_case = model_name and versions.stage = 'production'
        ),
        (
            select max(versions.artifact_sha256)
            from {{ database }}.ml.model_versions as versions
            where versions.use_case = model_name and versions.stage = 'production'
        ),
        inputs
    )
$$;
